#include "model/rope.h"

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

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& rope, std::size_t d_head) {
  std::vector<float> out(d_head / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(d_head);
    auto f = static_cast<float>(std::pow(rope.theta, -exponent));
    if (rope.scaling == RopeScaling::kLinear) f /= static_cast<float>(rope.factor);
    if (rope.scaling == RopeScaling::kLlama3) f = llama3_scaled(f, rope);
    if (!rope.factors.empty()) f /= rope.factors[i];
    out[i] = f;
  }
  return out;
}

RopeTables rope_tables(std::span<const float> frequencies, std::span<const std::size_t> positions) {
  RopeTables t{.cos = Tensor::uninitialized({positions.size(), frequencies.size()}),
               .sin = Tensor::uninitialized({positions.size(), frequencies.size()})};
  for (std::size_t p = 0; p < positions.size(); ++p) {
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      const float angle = static_cast<float>(positions[p]) * frequencies[i];
      t.cos.data()[p * frequencies.size() + i] =
          static_cast<float>(std::cos(static_cast<double>(angle)));
      t.sin.data()[p * frequencies.size() + i] =
          static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  return t;
}

}  // namespace cutaway
