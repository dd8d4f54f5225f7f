// bf16 and f16 as stored, and their exact widening to f32.
#pragma once

#include <bit>
#include <cstdint>

namespace cutaway {

struct bf16 {
  std::uint16_t bits;
};
struct f16 {
  std::uint16_t bits;
};

inline float to_float(bf16 x) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}
/// Exact, subnormals, infinities and NaN included.
float to_float(f16 x) noexcept;
/// Round to nearest, ties to even; NaN stays NaN.
bf16 to_bf16(float x) noexcept;
f16 to_f16(float x) noexcept;

}  // namespace cutaway
