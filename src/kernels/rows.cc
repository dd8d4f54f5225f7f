// Norms and rotary positions: what works on whole rows.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using math::D;
using math::kLanes;
using math::V;

// f(x[i]) adds to sum i mod 32 on every target; then the upper half of the sums is added to the
// lower half until one is left.
template <class F>
HWY_INLINE float sum_in_order(const float* x, std::size_t n, const F& add) {
  constexpr std::size_t kSums = 32;
  constexpr std::size_t kVectors = kSums / kLanes;
  const D d;
  V acc[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) acc[v] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + kSums <= n; i += kSums) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      acc[v] = add(hn::LoadU(d, x + i + v * kLanes), acc[v]);
    }
  }
  if (i < n) {
    HWY_ALIGN float last[kSums] = {};
    for (std::size_t k = 0; i + k < n; ++k) last[k] = x[i + k];
    for (std::size_t v = 0; v < kVectors; ++v) {
      acc[v] = add(hn::Load(d, last + v * kLanes), acc[v]);
    }
  }
  HWY_ALIGN float sums[kSums];
  for (std::size_t v = 0; v < kVectors; ++v) hn::Store(acc[v], d, sums + v * kLanes);
  for (std::size_t half = kSums / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  return sums[0];
}

HWY_INLINE float sum_of_squares(const float* x, std::size_t n) {
  return sum_in_order(x, n, [](V a, V sum) HWY_ATTR { return hn::MulAdd(a, a, sum); });
}

float RmsScale(const float* x, std::size_t n, float eps) {
  if (n == 0) return std::sqrt(eps);
  return std::sqrt(sum_of_squares(x, n) / static_cast<float>(n) + eps);
}

void DivideRow(const float* x, float scale, float* y, std::size_t n) {
  const D d;
  const V s = math::set(scale);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::Div(hn::LoadU(d, x + i), s), d, y + i);
  for (; i < n; ++i) y[i] = x[i] / scale;
}

void MultiplyRow(const float* x, const float* weight, float* y, std::size_t n) {
  const D d;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::LoadU(d, weight + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] = x[i] * weight[i];
}

void RmsNormRow(const float* x, const float* weight, float eps, float* y, std::size_t n) {
  const D d;
  const float scale = RmsScale(x, n, eps);
  const V s = math::set(scale);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V divided = hn::Div(hn::LoadU(d, x + i), s);
    hn::StoreU(hn::Mul(divided, hn::LoadU(d, weight + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] = x[i] / scale * weight[i];
}

void CenterRow(const float* x, float* y, std::size_t n) {
  if (n == 0) return;
  const float sum = sum_in_order(x, n, [](V a, V total) HWY_ATTR { return hn::Add(total, a); });
  const float mean = sum / static_cast<float>(n);
  const D d;
  const V m = math::set(mean);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::Sub(hn::LoadU(d, x + i), m), d, y + i);
  for (; i < n; ++i) y[i] = x[i] - mean;
}

void LayerNormRow(const float* x, const float* weight, const float* bias, float eps, float* y,
                  std::size_t n) {
  CenterRow(x, y, n);
  const D d;
  const float scale = RmsScale(y, n, eps);
  const V s = math::set(scale);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    V v = hn::Div(hn::LoadU(d, y + i), s);
    if (weight != nullptr) v = hn::Mul(v, hn::LoadU(d, weight + i));
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + i));
    hn::StoreU(v, d, y + i);
  }
  for (; i < n; ++i) {
    float v = y[i] / scale;
    if (weight != nullptr) v *= weight[i];
    if (bias != nullptr) v += bias[i];
    y[i] = v;
  }
}

// The tail rounds exactly as the vectors do: on a target with fused multiply-add both fuse.
void RopeHead(float* x, const float* cos, const float* sin, std::size_t half) {
  const D d;
  std::size_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const V a = hn::LoadU(d, x + i);
    const V b = hn::LoadU(d, x + half + i);
    const V c = hn::LoadU(d, cos + i);
    const V s = hn::LoadU(d, sin + i);
    hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, x + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, x + half + i);
  }
  if (i < half) {
    const std::size_t rest = half - i;
    const V a = math::load_some(x + i, rest, 0.0F);
    const V b = math::load_some(x + half + i, rest, 0.0F);
    const V c = math::load_some(cos + i, rest, 0.0F);
    const V s = math::load_some(sin + i, rest, 0.0F);
    math::store_some(hn::NegMulAdd(b, s, hn::Mul(a, c)), x + i, rest);
    math::store_some(hn::MulAdd(a, s, hn::Mul(b, c)), x + half + i, rest);
  }
}

// As RopeHead; the two of a pair lie side by side.
void RopePairs(float* x, const float* cos, const float* sin, std::size_t half) {
  const D d;
  std::size_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    V a;
    V b;
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    const V c = hn::LoadU(d, cos + i);
    const V s = hn::LoadU(d, sin + i);
    hn::StoreInterleaved2(hn::NegMulAdd(b, s, hn::Mul(a, c)), hn::MulAdd(a, s, hn::Mul(b, c)), d,
                          x + 2 * i);
  }
  if (i < half) {
    const std::size_t rest = half - i;
    HWY_ALIGN float even[kLanes] = {};
    HWY_ALIGN float odd[kLanes] = {};
    for (std::size_t k = 0; k < rest; ++k) {
      even[k] = x[2 * (i + k)];
      odd[k] = x[2 * (i + k) + 1];
    }
    const V a = hn::Load(d, even);
    const V b = hn::Load(d, odd);
    const V c = math::load_some(cos + i, rest, 0.0F);
    const V s = math::load_some(sin + i, rest, 0.0F);
    hn::Store(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, even);
    hn::Store(hn::MulAdd(a, s, hn::Mul(b, c)), d, odd);
    for (std::size_t k = 0; k < rest; ++k) {
      x[2 * (i + k)] = even[k];
      x[2 * (i + k) + 1] = odd[k];
    }
  }
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(RmsScale);
HWY_EXPORT(DivideRow);
HWY_EXPORT(MultiplyRow);
HWY_EXPORT(RmsNormRow);
HWY_EXPORT(CenterRow);
HWY_EXPORT(LayerNormRow);
HWY_EXPORT(RopeHead);
HWY_EXPORT(RopePairs);

void rms_scale(TensorView<const float, 2> x, float eps, std::span<float> scale) noexcept {
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    scale[m] = HWY_DYNAMIC_DISPATCH(RmsScale)(x.row(m).data(), x.extent(1), eps);
  }
}

void divide_rows(TensorView<const float, 2> x, std::span<const float> scale,
                 TensorView<float, 2> y) noexcept {
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    HWY_DYNAMIC_DISPATCH(DivideRow)(x.row(m).data(), scale[m], y.row(m).data(), x.extent(1));
  }
}

void multiply_columns(TensorView<const float, 2> x, std::span<const float> weight,
                      TensorView<float, 2> y) noexcept {
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    HWY_DYNAMIC_DISPATCH(MultiplyRow)(x.row(m).data(), weight.data(), y.row(m).data(), x.extent(1));
  }
}

void rms_norm(TensorView<const float, 2> x, std::span<const float> weight, float eps,
              TensorView<float, 2> y) noexcept {
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    HWY_DYNAMIC_DISPATCH(RmsNormRow)
    (x.row(m).data(), weight.data(), eps, y.row(m).data(), x.extent(1));
  }
}

void center_rows(TensorView<const float, 2> x, TensorView<float, 2> y) noexcept {
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    HWY_DYNAMIC_DISPATCH(CenterRow)(x.row(m).data(), y.row(m).data(), x.extent(1));
  }
}

void layer_norm(TensorView<const float, 2> x, std::span<const float> weight,
                std::span<const float> bias, float eps, TensorView<float, 2> y) noexcept {
  const float* w = weight.empty() ? nullptr : weight.data();
  const float* b = bias.empty() ? nullptr : bias.data();
  for (std::size_t m = 0; m < x.extent(0); ++m) {
    HWY_DYNAMIC_DISPATCH(LayerNormRow)
    (x.row(m).data(), w, b, eps, y.row(m).data(), x.extent(1));
  }
}

void rope(TensorView<float, 3> x, TensorView<const float, 2> cos,
          TensorView<const float, 2> sin) noexcept {
  for (std::size_t p = 0; p < x.extent(0); ++p) {
    for (std::size_t h = 0; h < x.extent(1); ++h) {
      float* head = x.data() + p * x.stride(0) + h * x.stride(1);
      HWY_DYNAMIC_DISPATCH(RopeHead)
      (head, cos.row(p).data(), sin.row(p).data(), x.extent(2) / 2);
    }
  }
}

void rope_pairs(TensorView<float, 3> x, TensorView<const float, 2> cos,
                TensorView<const float, 2> sin) noexcept {
  for (std::size_t p = 0; p < x.extent(0); ++p) {
    for (std::size_t h = 0; h < x.extent(1); ++h) {
      float* head = x.data() + p * x.stride(0) + h * x.stride(1);
      HWY_DYNAMIC_DISPATCH(RopePairs)
      (head, cos.row(p).data(), sin.row(p).data(), x.extent(2) / 2);
    }
  }
}

}  // namespace cutaway::kernels
#endif
