// Inputs for the benchmarks: the same at every run.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <cutaway/tensor.h>

namespace cutaway::bench {

inline Tensor random_tensor(std::vector<std::size_t> shape, std::uint32_t seed) {
  Tensor out = Tensor::uninitialized(std::move(shape));
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  for (float& value : out.values()) value = uniform(random);
  return out;
}

/// bf16 weights: the upper halves of small f32 numbers.
inline std::vector<std::uint16_t> random_bf16(std::size_t count, std::uint32_t seed) {
  std::vector<std::uint16_t> out(count);
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> uniform(-0.05F, 0.05F);
  for (std::uint16_t& value : out) {
    value = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(uniform(random)) >> 16);
  }
  return out;
}

}  // namespace cutaway::bench
