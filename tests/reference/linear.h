// y = x Wᵀ, twice: in double, and in f32 in the kernels' order of sums.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace cutaway::reference {

struct Dot {
  double value;      ///< sum of w · x
  double magnitude;  ///< sum of |w · x|: what a bound on the error is relative to
};

inline Dot dot(std::span<const float> w, std::span<const float> x) {
  Dot d{0.0, 0.0};
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double product = static_cast<double>(w[k]) * static_cast<double>(x[k]);
    d.value += product;
    d.magnitude += std::abs(product);
  }
  return d;
}

/// How a SIMD target sums.
struct SumOrder {
  std::size_t lanes;
  bool fused;  ///< multiply-add rounds once
};

/// `pairs` (bf16): each 2 · lanes columns count as all even ones, then all odd ones.
inline float dot_in_order(std::span<const float> w, std::span<const float> x, SumOrder order,
                          bool pairs) {
  const std::size_t lanes = order.lanes;
  const std::size_t stride = pairs ? 2 : 1;
  const std::size_t step = lanes * stride;
  std::vector<float> sums(lanes, 0.0F);
  for (std::size_t k = 0; k < w.size(); k += step) {
    for (std::size_t part = 0; part < stride; ++part) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::size_t at = k + lane * stride + part;
        const float a = at < w.size() ? w[at] : 0.0F;
        const float b = at < w.size() ? x[at] : 0.0F;
        sums[lane] = order.fused ? std::fma(a, b, sums[lane]) : a * b + sums[lane];
      }
    }
  }
  if (lanes < 4) return sums[0];
  std::vector<float> blocks(lanes / 4);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const float* l = sums.data() + 4 * i;
    blocks[i] = (l[0] + l[2]) + (l[1] + l[3]);
  }
  while (blocks.size() > 1) {
    const std::size_t half = blocks.size() / 2;
    for (std::size_t i = 0; i < half; ++i) blocks[i] += blocks[i + half];
    blocks.resize(half);
  }
  return blocks[0];
}

/// The order of a transposed matrix: blocks of 256 inputs, each summed one input after another,
/// then the blocks' sums one after another.
inline float sum_in_blocks(std::span<const float> w, std::span<const float> x, bool fused) {
  constexpr std::size_t kBlock = 256;
  float total = 0.0F;
  for (std::size_t begin = 0; begin < w.size(); begin += kBlock) {
    float sum = 0.0F;
    for (std::size_t k = begin; k < w.size() && k < begin + kBlock; ++k) {
      sum = fused ? std::fma(w[k], x[k], sum) : w[k] * x[k] + sum;
    }
    total = begin == 0 ? sum : total + sum;
  }
  return total;
}

}  // namespace cutaway::reference
