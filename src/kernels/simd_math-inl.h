// exp, tanh and what is made of them, for one vector. Included by the sources of this folder after
// Highway, once per SIMD target.

#if defined(CUTAWAY_KERNELS_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CUTAWAY_KERNELS_SIMD_MATH_INL_H_
#undef CUTAWAY_KERNELS_SIMD_MATH_INL_H_
#else
#define CUTAWAY_KERNELS_SIMD_MATH_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace math {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

HWY_INLINE V set(float x) { return hn::Set(D(), x); }

// NaN where x is NaN: minimum and maximum lose it on some targets.
HWY_INLINE V keep_nan(V x, V y) { return hn::IfThenElse(hn::IsNaN(x), x, y); }

// 2^n for n in [-126, 127]
HWY_INLINE V power_of_two(hn::Vec<hn::RebindToSigned<D>> n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// exp(x) = 2^n exp(r), |r| <= ln(2)/2, with ln 2 in two parts (the first has 10 bits, so n times it
// is exact). exp(r) = 1 + r + r² q(r); q is the minimax polynomial of degree 4, relative error
// 3e-9. 2^n comes in two factors, so that results run smoothly into subnormals and to infinity.
HWY_INLINE V exp(V x) {
  const hn::RebindToSigned<D> di;
  const V clamped = hn::Min(hn::Max(x, set(-110.0F)), set(90.0F));
  const V n = hn::Round(hn::Mul(clamped, set(1.44269502F)));
  V r = hn::NegMulAdd(n, set(0.693359375F), clamped);
  r = hn::NegMulAdd(n, set(-2.12194442e-4F), r);
  V q = set(0x1.6a2436p-10F);
  q = hn::MulAdd(q, r, set(0x1.1239ep-7F));
  q = hn::MulAdd(q, r, set(0x1.5558f2p-5F));
  q = hn::MulAdd(q, r, set(0x1.555492p-3F));
  q = hn::MulAdd(q, r, set(0x1.fffffcp-2F));
  const V p = hn::Add(hn::MulAdd(hn::Mul(r, r), q, r), set(1.0F));
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);
  const V y = hn::Mul(hn::Mul(p, power_of_two(half)), power_of_two(hn::Sub(whole, half)));
  return keep_nan(x, y);
}

// |x| < 0.625: x + x³ p(x²), relative error 5e-9. Above: 1 - 2 / (exp(2|x|) + 1).
HWY_INLINE V tanh(V x) {
  const D d;
  const V a = hn::Abs(x);
  const V s = hn::Mul(x, x);
  V p = set(-0x1.73640ep-8F);
  p = hn::MulAdd(p, s, set(0x1.519c9p-6F));
  p = hn::MulAdd(p, s, set(-0x1.b827fep-5F));
  p = hn::MulAdd(p, s, set(0x1.110692p-3F));
  p = hn::MulAdd(p, s, set(-0x1.55553p-2F));
  const V small = hn::MulAdd(hn::Mul(p, s), a, a);
  const V e = exp(hn::Min(hn::Add(a, a), set(30.0F)));
  const V large = hn::Sub(set(1.0F), hn::Div(set(2.0F), hn::Add(e, set(1.0F))));
  const V y = hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625F)), small, large);
  return keep_nan(x, hn::CopySign(y, x));
}

// x σ(x) = x / (1 + exp(-x)), three roundings. Below -88.7 the exponential is infinite and the
// result -0 (exactly: above -3e-37).
HWY_INLINE V silu(V x) { return hn::Div(x, hn::Add(set(1.0F), exp(hn::Neg(x)))); }

// ½x(1 + tanh(u)) = x σ(2u), u = √(2/π)(x + 0.044715x³): no difference of near equals.
HWY_INLINE V gelu_tanh(V x) {
  const V slope = hn::MulAdd(set(0.0713548162726F), hn::Mul(x, x), set(1.59576912161F));
  return hn::Div(x, hn::Add(set(1.0F), exp(hn::Neg(hn::Mul(slope, x)))));
}

// ½x(1 + erf(x/√2)) = x Φ(x). The tail Φ(-z) = exp(-z²/2) g(z), g a polynomial of degree 8 in
// w = 1 / (1 + 0.3z), relative error 6e-8 on [0, 15]; beyond, the exponential is 0 in f32. The
// error of z² goes into the exponential's argument to first order.
HWY_INLINE V gelu(V x) {
  const V z = hn::Min(hn::Abs(x), set(15.0F));
  const V w = hn::Div(set(1.0F), hn::MulAdd(set(0.3F), z, set(1.0F)));
  V g = set(0x1.3ac7fp-5F);
  g = hn::MulAdd(g, w, set(-0x1.5aebb2p-3F));
  g = hn::MulAdd(g, w, set(0x1.d54314p-3F));
  g = hn::MulAdd(g, w, set(-0x1.3b937p-4F));
  g = hn::MulAdd(g, w, set(0x1.24ac24p-3F));
  g = hn::MulAdd(g, w, set(0x1.832dbap-4F));
  g = hn::MulAdd(g, w, set(0x1.f38cd4p-4F));
  g = hn::MulAdd(g, w, set(0x1.e9660ep-4F));
  g = hn::MulAdd(g, w, set(0x1.f703d6p-18F));
  const V square = hn::Mul(z, z);
  const V e = exp(hn::Mul(square, set(-0.5F)));
  const V rest = hn::Mul(hn::MulSub(z, z, square), set(-0.5F));
  const V tail = hn::Mul(hn::MulAdd(e, rest, e), g);
  const V phi = hn::IfThenElse(hn::Lt(x, hn::Zero(D())), tail, hn::Sub(set(1.0F), tail));
  return keep_nan(x, hn::Mul(x, phi));
}

HWY_INLINE V softcap(V x, V cap) { return hn::Mul(cap, tanh(hn::Div(x, cap))); }

// The first `count` < L values of a row, `fill` behind them.
HWY_INLINE V load_some(const float* p, std::size_t count, float fill) {
  HWY_ALIGN float lanes[kLanes];
  for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = fill;
  for (std::size_t i = 0; i < count; ++i) lanes[i] = p[i];
  return hn::Load(D(), lanes);
}
HWY_INLINE void store_some(V v, float* p, std::size_t count) {
  HWY_ALIGN float lanes[kLanes];
  hn::Store(v, D(), lanes);
  for (std::size_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// In place: exp(y - max) / sum over y[begin, end), written over y[0, n): what lies outside is 0, as
// if it were -inf. Value i adds to sum i mod 32 on every target, whatever `begin` and `end` are, so
// masked values change no bit. A row of only -inf becomes 0.
constexpr std::size_t kSums = 32;

inline void softmax_row(float* y, std::size_t begin, std::size_t end, std::size_t n) {
  const D d;
  const float lowest = -std::numeric_limits<float>::infinity();
  std::fill(y, y + begin, 0.0F);
  std::fill(y + end, y + n, 0.0F);
  if (begin >= end) return;
  V top = set(lowest);
  std::size_t i = begin;
  for (; i + kLanes <= end; i += kLanes) top = hn::Max(hn::LoadU(d, y + i), top);
  if (i < end) top = hn::Max(load_some(y + i, end - i, lowest), top);
  const float max = hn::GetLane(hn::MaxOfLanes(d, top));
  if (max == lowest) {
    // Nothing, or NaN that the maximum passed over.
    const bool has_nan = std::any_of(y + begin, y + end, [](float v) { return std::isnan(v); });
    std::fill(y + begin, y + end, has_nan ? std::numeric_limits<float>::quiet_NaN() : 0.0F);
    return;
  }

  const V shift = set(max);
  constexpr std::size_t kVectors = kSums / kLanes;
  V acc[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) acc[v] = hn::Zero(d);
  HWY_ALIGN float sums[kSums];
  for (std::size_t at = begin / kSums * kSums; at < end; at += kSums) {
    const bool whole = at >= begin && at + kSums <= end;
    float* block = y + at;
    if (!whole) {
      for (std::size_t k = 0; k < kSums; ++k) {
        sums[k] = at + k >= begin && at + k < end ? y[at + k] : lowest;
      }
      block = sums;
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const V e = exp(hn::Sub(hn::LoadU(d, block + v * kLanes), shift));
      acc[v] = hn::Add(acc[v], e);
      hn::StoreU(e, d, block + v * kLanes);
    }
    if (!whole) {
      const std::size_t last = std::min(at + kSums, end);
      for (std::size_t k = std::max(at, begin); k < last; ++k) y[k] = sums[k - at];
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(acc[v], d, sums + v * kLanes);
  for (std::size_t half = kSums / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  // A division costs as much as the exponential; the reciprocal's rounding keeps within 3 ulp.
  const V part = set(1.0F / sums[0]);
  for (i = begin; i + kLanes <= end; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), part), d, y + i);
  }
  if (i < end) store_some(hn::Mul(load_some(y + i, end - i, 0.0F), part), y + i, end - i);
}

}  // namespace math
}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
