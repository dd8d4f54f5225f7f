// GGUF blocks, one weight at a time. `weight(block, i)` is the definition of weight i of a block.
#pragma once

#include <cutaway/dtype.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/float16.h"

namespace cutaway::reference {

using Block = const std::uint8_t*;

inline float half(Block p) { return to_float(f16{static_cast<std::uint16_t>(p[0] | p[1] << 8)}); }
inline int bits(std::uint8_t byte, std::size_t from, int count) {
  return (byte >> from) & ((1 << count) - 1);
}
// Four bits of a block of 32: weights 0-15 in the low halves of 16 bytes, 16-31 in the high ones.
inline int nibble(Block qs, std::size_t i) { return bits(qs[i % 16], i < 16 ? 0 : 4, 4); }
inline int bit(Block p, std::size_t i) { return bits(p[i / 8], i % 8, 1); }

inline float q4_0(Block b, std::size_t i) {
  return half(b) * static_cast<float>(nibble(b + 2, i) - 8);
}
inline float q4_1(Block b, std::size_t i) {
  return half(b) * static_cast<float>(nibble(b + 4, i)) + half(b + 2);
}
inline float q5_0(Block b, std::size_t i) {
  return half(b) * static_cast<float>((nibble(b + 6, i) | bit(b + 2, i) << 4) - 16);
}
inline float q5_1(Block b, std::size_t i) {
  return half(b) * static_cast<float>(nibble(b + 8, i) | bit(b + 4, i) << 4) + half(b + 2);
}
inline float q8_0(Block b, std::size_t i) {
  return half(b) * static_cast<float>(static_cast<std::int8_t>(b[2 + i]));
}

// Two bits of a block of 256: 128 weights share 32 bytes, 32 weights to each pair of bits.
inline int pair(Block qs, std::size_t i) {
  return bits(qs[i / 128 * 32 + i % 32], i % 128 / 32 * 2, 2);
}
inline float q2_k(Block b, std::size_t i) {
  const std::uint8_t scale = b[i / 16];
  const float d = half(b + 80) * static_cast<float>(scale & 15);
  const float m = half(b + 82) * static_cast<float>(scale >> 4);
  return d * static_cast<float>(pair(b + 16, i)) - m;
}
inline float q3_k(Block b, std::size_t i) {
  const Block scales = b + 96;
  const std::size_t group = i / 16;
  const int low = bits(scales[group % 8], group / 8 * 4, 4);
  const int high = bits(scales[8 + group % 4], group / 4 * 2, 2);
  const float d = half(b + 108) * static_cast<float>((low | high << 4) - 32);
  const int third = bits(b[i % 32], i / 32, 1);
  return d * static_cast<float>(pair(b + 32, i) + 4 * third - 4);
}
// Four bits of a block of 256: 64 weights share 32 bytes.
inline int quarter(Block qs, std::size_t i) {
  return bits(qs[i / 64 * 32 + i % 32], i % 64 / 32 * 4, 4);
}
inline int scale_6(Block p, std::size_t g) {
  return g < 4 ? p[g] & 63 : (p[g + 4] & 15) | (p[g - 4] >> 6) << 4;
}
inline int min_6(Block p, std::size_t g) {
  return g < 4 ? p[g + 4] & 63 : (p[g + 4] >> 4) | (p[g] >> 6) << 4;
}
inline float q4_k(Block b, std::size_t i) {
  const float d = half(b) * static_cast<float>(scale_6(b + 4, i / 32));
  const float m = half(b + 2) * static_cast<float>(min_6(b + 4, i / 32));
  return d * static_cast<float>(quarter(b + 16, i)) - m;
}
inline float q5_k(Block b, std::size_t i) {
  const float d = half(b) * static_cast<float>(scale_6(b + 4, i / 32));
  const float m = half(b + 2) * static_cast<float>(min_6(b + 4, i / 32));
  const int fifth = bits(b[16 + i % 32], i / 32, 1);
  return d * static_cast<float>(quarter(b + 48, i) | fifth << 4) - m;
}
inline float q6_k(Block b, std::size_t i) {
  const std::size_t part = i % 128;
  const int low = bits(b[i / 128 * 64 + part % 64], part / 64 * 4, 4);
  const int high = bits(b[128 + i / 128 * 32 + part % 32], part / 32 * 2, 2);
  const float d = half(b + 208) * static_cast<float>(static_cast<std::int8_t>(b[192 + i / 16]));
  return d * static_cast<float>((low | high << 4) - 32);
}

inline void dequantize(DType dtype, Block data, std::span<float> out) {
  constexpr float (*kWeight[])(Block, std::size_t) = {q4_0, q4_1, q5_0, q5_1, q8_0,
                                                      q2_k, q3_k, q4_k, q5_k, q6_k};
  const auto weight =
      kWeight[static_cast<std::size_t>(dtype) - static_cast<std::size_t>(DType::kQ4_0)];
  const DTypeInfo& info = dtype_info(dtype);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = weight(data + i / info.block_size * info.block_bytes, i % info.block_size);
  }
}

}  // namespace cutaway::reference
