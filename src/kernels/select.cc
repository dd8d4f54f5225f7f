// What reads a row of logits or features: the largest, the k largest, the log of the sum of exp.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/select.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

// The largest; NaN never wins. -inf if there is none.
float LargestOf(const float* y, std::size_t n) {
  const D d;
  V top = hn::Set(d, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V v = hn::LoadU(d, y + i);
    top = hn::IfThenElse(hn::Gt(v, top), v, top);
  }
  float largest = hn::GetLane(hn::MaxOfLanes(d, top));
  for (; i < n; ++i) {
    if (y[i] > largest) largest = y[i];
  }
  return largest;
}

// The first index >= `from` whose value is greater than `threshold` (or at least it), or n.
std::size_t FindAbove(const float* y, std::size_t from, std::size_t n, float threshold) {
  const D d;
  const V t = hn::Set(d, threshold);
  std::size_t i = from;
  for (; i + kLanes <= n; i += kLanes) {
    const auto found = hn::FindFirstTrue(d, hn::Gt(hn::LoadU(d, y + i), t));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  for (; i < n; ++i) {
    if (y[i] > threshold) return i;
  }
  return n;
}

std::size_t FindEqual(const float* y, std::size_t n, float value) {
  const D d;
  const V t = hn::Set(d, value);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const auto found = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, y + i), t));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  for (; i < n; ++i) {
    if (y[i] == value) return i;
  }
  return n;
}

bool AllFinite(const float* y, std::size_t n) {
  const D d;
  const V limit = hn::Set(d, std::numeric_limits<float>::max());
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    // NaN compares false too.
    if (!hn::AllTrue(d, hn::Le(hn::Abs(hn::LoadU(d, y + i)), limit))) return false;
  }
  for (; i < n; ++i) {
    if (!std::isfinite(y[i])) return false;
  }
  return true;
}

#if HWY_HAVE_FLOAT64
using D64 = hn::ScalableTag<double>;
using V64 = hn::Vec<D64>;

// exp(x) for x <= 0, 1 ulp: 2^n exp(r), |r| <= ln(2)/2, exp(r) by its series to r^13 (the rest is
// below 5e-18). The sum with 1.5 · 2^52 leaves n in the low bits of the mantissa.
HWY_INLINE V64 exp_f64(V64 x) {
  const D64 d;
  const hn::RebindToUnsigned<D64> du;
  const V64 magic = hn::Set(d, 0x1.8p52);
  const V64 clamped = hn::Max(x, hn::Set(d, -708.0));
  const V64 shifted = hn::MulAdd(clamped, hn::Set(d, 1.4426950408889634), magic);
  const V64 n = hn::Sub(shifted, magic);
  V64 r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e42fefa0000p-1), clamped);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.cf79abc9e3b3ap-40), r);
  V64 p = hn::Set(d, 1.0 / 6227020800.0);
  constexpr double kFactorials[] = {479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0,
                                    720.0,       120.0,      24.0,      6.0,      2.0,     1.0};
  for (const double f : kFactorials) p = hn::MulAdd(p, r, hn::Set(d, 1.0 / f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0));
  const auto exponent = hn::ShiftLeft<52>(hn::BitCast(du, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(du, p), exponent));
}

// Value i adds to sum i mod 16 on every target.
double SumOfExp(const float* y, std::size_t n, double max) {
  constexpr std::size_t kSums = 16;
  constexpr std::size_t kLanes64 = hn::MaxLanes(D64());
  constexpr std::size_t kVectors = kSums / kLanes64;
  const D64 d;
  const hn::Rebind<float, D64> half;
  const V64 shift = hn::Set(d, max);
  V64 acc[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) acc[v] = hn::Zero(d);
  HWY_ALIGN float last[kSums];
  for (std::size_t i = 0; i < n; i += kSums) {
    const float* from = y + i;
    if (i + kSums > n) {
      std::fill(last, last + kSums, -std::numeric_limits<float>::infinity());
      std::copy(from, y + n, last);
      from = last;
    }
    for (std::size_t v = 0; v < kVectors; ++v) {
      const V64 x = hn::Sub(hn::PromoteTo(d, hn::LoadU(half, from + v * kLanes64)), shift);
      // Below -708 nothing is left of it in a sum that holds a 1; -inf included.
      acc[v] = hn::Add(acc[v], hn::IfThenElseZero(hn::Gt(x, hn::Set(d, -708.0)), exp_f64(x)));
    }
  }
  HWY_ALIGN double sums[kSums];
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(acc[v], d, sums + v * kLanes64);
  for (std::size_t width = kSums / 2; width > 0; width /= 2) {
    for (std::size_t k = 0; k < width; ++k) sums[k] += sums[k + width];
  }
  return sums[0];
}
#else
double SumOfExp(const float* y, std::size_t n, double max) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(y[i]) - max);
  return sum;
}
#endif

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(LargestOf);
HWY_EXPORT(FindAbove);
HWY_EXPORT(FindEqual);
HWY_EXPORT(AllFinite);
HWY_EXPORT(SumOfExp);

double log_sum_exp(std::span<const float> y) noexcept {
  const double max = static_cast<double>(HWY_DYNAMIC_DISPATCH(LargestOf)(y.data(), y.size()));
  if (std::any_of(y.begin(), y.end(), [](float v) { return v != v; })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (std::isinf(max)) return max;
  return max + std::log(HWY_DYNAMIC_DISPATCH(SumOfExp)(y.data(), y.size(), max));
}

std::size_t argmax(std::span<const float> y) noexcept {
  const float largest = HWY_DYNAMIC_DISPATCH(LargestOf)(y.data(), y.size());
  return HWY_DYNAMIC_DISPATCH(FindEqual)(y.data(), y.size(), largest);
}

void top_k(std::span<const float> y, std::size_t k, std::vector<std::size_t>& out) {
  out.clear();
  k = std::min(k, y.size());
  if (k == 0) return;
  const auto better = [&](std::size_t a, std::size_t b) {
    return y[a] > y[b] || (y[a] == y[b] && a < b);
  };
  // A heap with the worst of the k best on top. Once it is full only values above the worst may
  // enter: an equal one has the higher index.
  std::size_t i = 0;
  for (; i < y.size() && out.size() < k; ++i) {
    if (y[i] == y[i]) out.push_back(i);
  }
  std::make_heap(out.begin(), out.end(), better);
  while (out.size() == k) {
    i = HWY_DYNAMIC_DISPATCH(FindAbove)(y.data(), i, y.size(), y[out.front()]);
    if (i == y.size()) break;
    std::pop_heap(out.begin(), out.end(), better);
    out.back() = i++;
    std::push_heap(out.begin(), out.end(), better);
  }
  std::sort(out.begin(), out.end(), better);
}

bool all_finite(std::span<const float> y) noexcept {
  return HWY_DYNAMIC_DISPATCH(AllFinite)(y.data(), y.size());
}

}  // namespace cutaway::kernels
#endif
