#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using math::D;
using math::kLanes;
using math::V;

// y[i] = f(x[i], y[i]); x and y may be the same.
template <class F>
HWY_INLINE void map(const float* x, float* y, std::size_t n, const F& f) {
  const D d;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(f(hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  }
  if (i < n) {
    const V some_x = math::load_some(x + i, n - i, 0.0F);
    const V some_y = math::load_some(y + i, n - i, 0.0F);
    math::store_some(f(some_x, some_y), y + i, n - i);
  }
}

void Add(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V b) HWY_ATTR { return hn::Add(b, a); });
}
void Multiply(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V b) HWY_ATTR { return hn::Mul(b, a); });
}
void Scale(float factor, float* y, std::size_t n) {
  map(y, y, n, [factor](V a, V) HWY_ATTR { return hn::Mul(a, math::set(factor)); });
}
void AddScaled(const float* x, float factor, float* y, std::size_t n) {
  map(x, y, n, [factor](V a, V b) HWY_ATTR { return hn::MulAdd(math::set(factor), a, b); });
}
void Silu(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V) HWY_ATTR { return math::silu(a); });
}
void Gelu(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V) HWY_ATTR { return math::gelu(a); });
}
void GeluTanh(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V) HWY_ATTR { return math::gelu_tanh(a); });
}
void Relu(const float* x, float* y, std::size_t n) {
  map(x, y, n, [](V a, V) HWY_ATTR { return hn::IfThenZeroElse(hn::Lt(a, math::set(0.0F)), a); });
}
void Softcap(float cap, float* y, std::size_t n) {
  map(y, y, n, [cap](V a, V) HWY_ATTR { return math::softcap(a, math::set(cap)); });
}
void Softmax(float* y, std::size_t n) { math::softmax_row(y, 0, n, n); }

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(Add);
HWY_EXPORT(Multiply);
HWY_EXPORT(Scale);
HWY_EXPORT(AddScaled);
HWY_EXPORT(Silu);
HWY_EXPORT(Gelu);
HWY_EXPORT(GeluTanh);
HWY_EXPORT(Relu);
HWY_EXPORT(Softcap);
HWY_EXPORT(Softmax);

void add(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Add)(x.data(), y.data(), y.size());
}
void multiply(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Multiply)(x.data(), y.data(), y.size());
}
void scale(float factor, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Scale)(factor, y.data(), y.size());
}
void add_scaled(std::span<const float> x, float factor, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(AddScaled)(x.data(), factor, y.data(), y.size());
}
void add_to_rows(std::span<const float> bias, TensorView<float, 2> y) noexcept {
  for (std::size_t m = 0; m < y.extent(0); ++m) add(bias, y.row(m));
}
void silu(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Silu)(x.data(), y.data(), y.size());
}
void gelu(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Gelu)(x.data(), y.data(), y.size());
}
void gelu_tanh(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(GeluTanh)(x.data(), y.data(), y.size());
}
void relu(std::span<const float> x, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Relu)(x.data(), y.data(), y.size());
}
void softcap(float cap, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(Softcap)(cap, y.data(), y.size());
}
void softmax(std::span<float> y) noexcept { HWY_DYNAMIC_DISPATCH(Softmax)(y.data(), y.size()); }

}  // namespace cutaway::kernels
#endif
