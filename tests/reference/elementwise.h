// The elementwise kernels from their definitions, in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace cutaway::reference {

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double silu(double x) { return x * sigmoid(x); }
inline double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
/// ½x(1 + tanh u), written as x σ(2u): tanh near -1 would lose the tail.
inline double gelu_tanh(double x) {
  const double u = std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
  return x * sigmoid(2.0 * u);
}
inline double softcap(double cap, double x) { return cap * std::tanh(x / cap); }

inline double rms(std::span<const float> x, double eps) {
  double sum = 0.0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum / static_cast<double>(x.size()) + eps);
}

inline double mean(std::span<const float> x) {
  double sum = 0.0;
  for (const float v : x) sum += static_cast<double>(v);
  return sum / static_cast<double>(x.size());
}

/// (x - mean) / sqrt(variance + eps) · weight + bias; an empty weight or bias is left out.
inline std::vector<double> layer_norm(std::span<const float> x, std::span<const float> weight,
                                      std::span<const float> bias, double eps) {
  const double centre = mean(x);
  double squares = 0.0;
  for (const float v : x) squares += (v - centre) * (v - centre);
  const double scale = std::sqrt(squares / static_cast<double>(x.size()) + eps);
  std::vector<double> y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double w = weight.empty() ? 1.0 : static_cast<double>(weight[i]);
    const double b = bias.empty() ? 0.0 : static_cast<double>(bias[i]);
    y.push_back((x[i] - centre) / scale * w + b);
  }
  return y;
}

inline double log_sum_exp(std::span<const float> x) {
  double max = -std::numeric_limits<double>::infinity();
  for (const float v : x) max = std::max(max, static_cast<double>(v));
  if (std::isinf(max)) return max;
  long double sum = 0.0L;
  for (const float v : x) sum += std::exp(static_cast<long double>(v) - max);
  return static_cast<double>(max + std::log(sum));
}

inline std::vector<double> softmax(std::span<const float> x) {
  const double total = log_sum_exp(x);
  std::vector<double> y;
  for (const float v : x) y.push_back(std::exp(static_cast<double>(v) - total));
  return y;
}

/// The distance of `found` from `exact` in units of the last place of the f32 nearest to `exact`
/// (of the smallest subnormal near 0). The same infinity, or NaN for NaN, is no distance.
inline double ulps(float found, double exact) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto nearest = static_cast<float>(exact);
  if (std::isnan(exact)) return std::isnan(found) ? 0.0 : kInfinity;
  if (std::isinf(found) || std::isinf(nearest)) {
    if (found == nearest) return 0.0;
    // The largest finite number is one unit from infinity.
    const bool neighbours =
        std::min(std::abs(found), std::abs(nearest)) == std::numeric_limits<float>::max() &&
        std::signbit(found) == std::signbit(nearest);
    return neighbours ? 1.0 : kInfinity;
  }
  const int exponent = nearest == 0 ? -149 : std::max(std::ilogb(nearest) - 23, -149);
  return std::abs(static_cast<double>(found) - exact) / std::ldexp(1.0, exponent);
}

}  // namespace cutaway::reference
