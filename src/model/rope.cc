#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cutaway {
namespace {

float llama3_scaled(float f, const RopeConfig& rope) {
  const double wavelength = 2.0 * std::numbers::pi / static_cast<double>(f);
  const double low_wavelength = rope.original_n_ctx / rope.low_freq_factor;
  const double high_wavelength = rope.original_n_ctx / rope.high_freq_factor;
  const auto divided = static_cast<float>(static_cast<double>(f) / rope.factor);
  if (wavelength > low_wavelength) return divided;
  if (wavelength < high_wavelength) return f;
  const double smooth = (rope.original_n_ctx / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return static_cast<float>((1.0 - smooth) * static_cast<double>(f) / rope.factor +
                            smooth * static_cast<double>(f));
}

/// Between which frequencies yarn goes from "as trained" to "divided".
struct Ramp {
  double low, high;
  float divided_share(std::size_t i) const {
    const double high_end = low == high ? high + 0.001 : high;
    return static_cast<float>(
        std::clamp((static_cast<double>(i) - low) / (high_end - low), 0.0, 1.0));
  }
};

Ramp yarn_ramp(const RopeConfig& rope) {
  const auto dims = static_cast<double>(rope.dims);
  const auto dimension_of = [&](double rotations) {
    return dims * std::log(rope.original_n_ctx / (rotations * 2.0 * std::numbers::pi)) /
           (2.0 * std::log(rope.theta));
  };
  Ramp ramp{dimension_of(rope.beta_fast), dimension_of(rope.beta_slow)};
  if (rope.truncate) ramp = {std::floor(ramp.low), std::ceil(ramp.high)};
  return {std::max(ramp.low, 0.0), std::min(ramp.high, dims - 1.0)};
}

double theta_of(const RopeConfig& rope, std::size_t length) {
  if (rope.scaling != RopeScaling::kDynamic || static_cast<double>(length) <= rope.original_n_ctx)
    return rope.theta;
  const auto dims = static_cast<double>(rope.dims);
  const double stretch =
      rope.factor * static_cast<double>(length) / rope.original_n_ctx - (rope.factor - 1.0);
  return rope.theta * std::pow(stretch, dims / (dims - 2.0));
}

bool is_long(const RopeConfig& rope, std::size_t length) {
  return rope.scaling == RopeScaling::kLongRope &&
         static_cast<double>(length) > rope.original_n_ctx;
}

}  // namespace

bool RopeConfig::changes_between(std::size_t before, std::size_t after) const noexcept {
  if (scaling == RopeScaling::kLongRope) return is_long(*this, before) != is_long(*this, after);
  return scaling == RopeScaling::kDynamic && before != after &&
         static_cast<double>(std::max(before, after)) > original_n_ctx;
}

std::vector<float> rope_frequencies(const RopeConfig& rope, std::size_t length) {
  std::vector<float> out(rope.dims / 2);
  const double theta = theta_of(rope, length);
  const std::vector<float>& divisors = is_long(rope, length) ? rope.long_factors : rope.factors;
  const Ramp ramp = rope.scaling == RopeScaling::kYarn ? yarn_ramp(rope) : Ramp{0.0, 1.0};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(rope.dims);
    auto f = static_cast<float>(std::pow(theta, -exponent));
    if (rope.scaling == RopeScaling::kLinear) f /= static_cast<float>(rope.factor);
    if (rope.scaling == RopeScaling::kLlama3) f = llama3_scaled(f, rope);
    if (rope.scaling == RopeScaling::kYarn) {
      const float share = ramp.divided_share(i);
      const auto divided = static_cast<float>(std::pow(theta, -exponent) / rope.factor);
      f = divided * share + f * (1.0F - share);
    }
    if (!divisors.empty()) f /= divisors[i];
    out[i] = f;
  }
  return out;
}

RopeTables rope_tables(const RopeConfig& rope, std::span<const RopeSpan> spans) {
  std::size_t rows = 0;
  for (const RopeSpan& span : spans) rows += span.count;
  const std::size_t width = rope.dims / 2;
  RopeTables t{.cos = Tensor::uninitialized({rows, width}),
               .sin = Tensor::uninitialized({rows, width})};
  float *cos = t.cos.data(), *sin = t.sin.data();
  for (const RopeSpan& span : spans) {
    const std::vector<float> frequencies = rope_frequencies(rope, span.length);
    for (std::size_t p = span.first; p < span.first + span.count; ++p) {
      for (const float f : frequencies) {
        const auto angle = static_cast<double>(static_cast<float>(p) * f);
        const auto factor = static_cast<float>(rope.attention_factor);
        *cos++ = static_cast<float>(std::cos(angle)) * factor;
        *sin++ = static_cast<float>(std::sin(angle)) * factor;
      }
    }
  }
  return t;
}

}  // namespace cutaway
