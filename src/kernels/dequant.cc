#include "kernels/dequant.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dequant.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// The block layouts of GGUF. Every function first spreads the bits of one block over bytes (loops
// of fixed length, which the compiler vectorises), then scales them to f32. Products and sums are
// rounded one by one, in the order of the reference package, so the bits agree with it.

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::Rebind<std::int32_t, D>;
using DU8 = hn::Rebind<std::uint8_t, D>;
using DI8 = hn::Rebind<std::int8_t, D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

// As to_float, without a branch: a scale a block is much of the work.
HWY_INLINE float half_at(const std::uint8_t* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof(half));
  const std::uint32_t magnitude = half & 0x7FFFU;
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const auto subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);
  std::uint32_t word = (magnitude << 13) + (112U << 23);
  word = magnitude < 0x0400U ? subnormal : word;
  word = magnitude >= 0x7C00U ? 0x7F800000U | (magnitude << 13) : word;
  return std::bit_cast<float>(word | sign);
}

HWY_INLINE V widen(const std::int8_t* q) {
  return hn::ConvertTo(D(), hn::PromoteTo(DI(), hn::LoadU(DI8(), q)));
}
HWY_INLINE V widen(const std::uint8_t* q) {
  return hn::ConvertTo(D(), hn::PromoteTo(DI(), hn::LoadU(DU8(), q)));
}

// out = d · (q - kOffset); the difference is exact.
template <int kCount, int kOffset>
HWY_INLINE void scale_centred(const std::uint8_t* q, float d, float* HWY_RESTRICT out) {
  const V vd = hn::Set(D(), d);
  const V offset = hn::Set(D(), static_cast<float>(kOffset));
  for (std::size_t i = 0; i < kCount; i += kLanes) {
    hn::StoreU(hn::Mul(vd, hn::Sub(widen(q + i), offset)), D(), out + i);
  }
}

// out = d · q
template <int kCount>
HWY_INLINE void scale(const std::int8_t* q, float d, float* HWY_RESTRICT out) {
  const V vd = hn::Set(D(), d);
  for (std::size_t i = 0; i < kCount; i += kLanes) {
    hn::StoreU(hn::Mul(vd, widen(q + i)), D(), out + i);
  }
}

// out = d · q + m, rounded twice
template <int kCount>
HWY_INLINE void scale_and_shift(const std::uint8_t* q, float d, float m, float* HWY_RESTRICT out) {
  const V vd = hn::Set(D(), d);
  const V vm = hn::Set(D(), m);
  for (std::size_t i = 0; i < kCount; i += kLanes) {
    hn::StoreU(hn::Add(hn::Mul(vd, widen(q + i)), vm), D(), out + i);
  }
}

// q[i]: the low four bits of 16 bytes, then the high ones. With `qh`, bit i of that is the fifth
// bit of weight i. Whole vectors are stored, as a load over two smaller stores stalls.
HWY_INLINE void nibbles(const std::uint8_t* qs, const std::uint8_t* qh,
                        std::uint8_t* HWY_RESTRICT q) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < 32; ++i) {
    const int low = i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
    const int fifth = qh == nullptr ? 0 : (qh[i / 8] >> (i % 8)) & 1;
    q[i] = static_cast<std::uint8_t>(low | fifth << 4);
  }
#else
  const hn::FixedTag<std::uint8_t, 16> d8;
  const hn::Repartition<std::uint16_t, decltype(d8)> d16;
  const auto mask = hn::Set(d8, 15);
  const auto bytes = hn::LoadU(d8, qs);
  auto low = hn::And(bytes, mask);
  auto high = hn::And(hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(d16, bytes))), mask);
  if (qh != nullptr) {
    HWY_ALIGN static constexpr std::uint8_t kByte[16] = {0, 0, 0, 0, 0, 0, 0, 0,
                                                         1, 1, 1, 1, 1, 1, 1, 1};
    HWY_ALIGN static constexpr std::uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                        1, 2, 4, 8, 16, 32, 64, 128};
    std::uint32_t word;
    std::memcpy(&word, qh, sizeof(word));
    const auto words =
        hn::BitCast(d8, hn::Set(hn::Repartition<std::uint32_t, decltype(d8)>(), word));
    const auto byte = hn::Load(d8, kByte);
    const auto bit = hn::Load(d8, kBit);
    const auto first = hn::And(hn::TableLookupBytes(words, byte), bit);
    const auto second = hn::And(hn::TableLookupBytes(words, hn::Add(byte, hn::Set(d8, 2))), bit);
    const auto fifth = hn::Set(d8, 16);
    low = hn::Or(low, hn::IfThenElseZero(hn::Eq(first, bit), fifth));
    high = hn::Or(high, hn::IfThenElseZero(hn::Eq(second, bit), fifth));
  }
  hn::StoreU(low, d8, q);
  hn::StoreU(high, d8, q + 16);
#endif
}

// out[i] = (from[i] >> shift) & mask for 32 bytes; with `left` >= 0, that << left joins the bits of
// out[i]. Words are shifted whole: the mask drops what came from the byte above.
template <int kLeft = -1>
HWY_INLINE void take_bits(const std::uint8_t* from, std::size_t shift, std::uint8_t mask,
                          std::uint8_t* HWY_RESTRICT out) {
#if HWY_TARGET == HWY_SCALAR
  for (std::size_t i = 0; i < 32; ++i) {
    const int bits = (from[i] >> shift) & mask;
    out[i] = static_cast<std::uint8_t>(kLeft < 0 ? bits : out[i] | bits << std::max(kLeft, 0));
  }
#else
  const hn::CappedTag<std::uint8_t, 32> d8;
  const hn::Repartition<std::uint16_t, decltype(d8)> d16;
  for (std::size_t i = 0; i < 32; i += hn::MaxLanes(d8)) {
    const auto words = hn::BitCast(d16, hn::LoadU(d8, from + i));
    const auto shifted = hn::ShiftRightSame(words, static_cast<int>(shift));
    auto bits = hn::And(hn::BitCast(d8, shifted), hn::Set(d8, mask));
    if constexpr (kLeft >= 0) {
      const auto left = hn::ShiftLeft<kLeft>(hn::BitCast(d16, bits));
      bits = hn::Or(hn::BitCast(d8, left), hn::LoadU(d8, out + i));
    }
    hn::StoreU(bits, d8, out + i);
  }
#endif
}

void block_q4_0(const std::uint8_t* b, float* HWY_RESTRICT out) {
  std::uint8_t q[32];
  nibbles(b + 2, nullptr, q);
  scale_centred<32, 8>(q, half_at(b), out);
}

void block_q4_1(const std::uint8_t* b, float* HWY_RESTRICT out) {
  std::uint8_t q[32];
  nibbles(b + 4, nullptr, q);
  scale_and_shift<32>(q, half_at(b), half_at(b + 2), out);
}

void block_q5_0(const std::uint8_t* b, float* HWY_RESTRICT out) {
  std::uint8_t q[32];
  nibbles(b + 6, b + 2, q);
  scale_centred<32, 16>(q, half_at(b), out);
}

void block_q5_1(const std::uint8_t* b, float* HWY_RESTRICT out) {
  std::uint8_t q[32];
  nibbles(b + 8, b + 4, q);
  scale_and_shift<32>(q, half_at(b), half_at(b + 2), out);
}

void block_q8_0(const std::uint8_t* b, float* HWY_RESTRICT out) {
  scale<32>(reinterpret_cast<const std::int8_t*>(b + 2), half_at(b), out);
}

// 16 groups of 16: scale in the low four bits of a byte, minimum in the high ones.
void block_q2_k(const std::uint8_t* b, float* HWY_RESTRICT out) {
  const std::uint8_t* scales = b;
  const std::uint8_t* qs = b + 16;
  const float d = half_at(b + 80);
  const float dmin = half_at(b + 82);
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t s = 0; s < 4; ++s) {
      std::uint8_t q[32];
      take_bits(qs + 32 * half, 2 * s, 3, q);
      for (std::size_t g = 0; g < 2; ++g) {
        const std::size_t group = 8 * half + 2 * s + g;
        const float dl = d * static_cast<float>(scales[group] & 15);
        const float ml = dmin * static_cast<float>(scales[group] >> 4);
        scale_and_shift<16>(q + 16 * g, dl, -ml, out + 16 * group);
      }
    }
  }
}

// 16 groups of 16. The third bit of a weight lies in `hmask`, and its absence means minus four.
void block_q3_k(const std::uint8_t* b, float* HWY_RESTRICT out) {
  const std::uint8_t* hmask = b;
  const std::uint8_t* qs = b + 32;
  const std::uint8_t* packed = b + 96;
  const float d = half_at(b + 108);
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t s = 0; s < 4; ++s) {
      std::uint8_t q[32];
      take_bits(qs + 32 * half, 2 * s, 3, q);
      take_bits<2>(hmask, 4 * half + s, 1, q);
      for (std::size_t g = 0; g < 2; ++g) {
        const std::size_t group = 8 * half + 2 * s + g;
        const int low = (packed[group % 8] >> (4 * (group / 8))) & 15;
        const int high = (packed[8 + group % 4] >> (2 * (group / 4))) & 3;
        const float dl = d * static_cast<float>((low | high << 4) - 32);
        scale_centred<16, 4>(q + 16 * g, dl, out + 16 * group);
      }
    }
  }
}

// The eight 6-bit scales and minima of Q4_K and Q5_K share 12 bytes.
HWY_INLINE void scale_and_min(const std::uint8_t* p, std::size_t group, int& scale, int& min) {
  if (group < 4) {
    scale = p[group] & 63;
    min = p[group + 4] & 63;
  } else {
    scale = (p[group + 4] & 15) | ((p[group - 4] >> 2) & 48);
    min = (p[group + 4] >> 4) | ((p[group] >> 2) & 48);
  }
}

void block_q4_k(const std::uint8_t* b, float* HWY_RESTRICT out) {
  const float d = half_at(b);
  const float dmin = half_at(b + 2);
  const std::uint8_t* qs = b + 16;
  for (std::size_t group = 0; group < 8; ++group) {
    std::uint8_t q[32];
    take_bits(qs + 32 * (group / 2), 4 * (group % 2), 15, q);
    int sc = 0;
    int min = 0;
    scale_and_min(b + 4, group, sc, min);
    scale_and_shift<32>(q, d * static_cast<float>(sc), -(dmin * static_cast<float>(min)),
                        out + 32 * group);
  }
}

void block_q5_k(const std::uint8_t* b, float* HWY_RESTRICT out) {
  const float d = half_at(b);
  const float dmin = half_at(b + 2);
  const std::uint8_t* qh = b + 16;
  const std::uint8_t* qs = b + 48;
  for (std::size_t group = 0; group < 8; ++group) {
    std::uint8_t q[32];
    take_bits(qs + 32 * (group / 2), 4 * (group % 2), 15, q);
    take_bits<4>(qh, group, 1, q);
    int sc = 0;
    int min = 0;
    scale_and_min(b + 4, group, sc, min);
    scale_and_shift<32>(q, d * static_cast<float>(sc), -(dmin * static_cast<float>(min)),
                        out + 32 * group);
  }
}

// 16 groups of 16 with signed 8-bit scales.
void block_q6_k(const std::uint8_t* b, float* HWY_RESTRICT out) {
  const std::uint8_t* ql = b;
  const std::uint8_t* qh = b + 128;
  const auto* scales = reinterpret_cast<const std::int8_t*>(b + 192);
  const float d = half_at(b + 208);
  for (std::size_t part = 0; part < 8; ++part) {  // of 32 weights
    const std::size_t half = part / 4;
    const std::uint8_t* low = ql + 64 * half + 32 * (part % 2);
    std::uint8_t q[32];
    take_bits(low, 4 * (part % 4 / 2), 15, q);
    take_bits<4>(qh + 32 * half, 2 * (part % 4), 3, q);
    for (std::size_t g = 0; g < 2; ++g) {
      const float dl = d * static_cast<float>(scales[2 * part + g]);
      scale_centred<16, 32>(q + 16 * g, dl, out + 32 * part + 16 * g);
    }
  }
}

template <void (*kBlock)(const std::uint8_t*, float*)>
void blocks(const std::uint8_t* p, std::size_t bytes, std::size_t weights, float* out,
            std::size_t count) {
  for (std::size_t i = 0; i + weights <= count; i += weights) {
    kBlock(p, out + i);
    p += bytes;
  }
}

void widen_bf16(const std::uint8_t* p, float* HWY_RESTRICT out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, p + 2 * i, sizeof(bits));
    const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
    std::memcpy(out + i, &word, sizeof(word));
  }
}

void widen_f16(const std::uint8_t* p, float* HWY_RESTRICT out, std::size_t count) {
  std::size_t i = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  const hn::Rebind<hwy::float16_t, D> half;
  const hn::Repartition<std::uint8_t, decltype(half)> bytes;
  for (; i + kLanes <= count; i += kLanes) {
    const auto v = hn::BitCast(half, hn::LoadU(bytes, p + 2 * i));
    hn::StoreU(hn::PromoteTo(D(), v), D(), out + i);
  }
#endif
  for (; i < count; ++i) out[i] = half_at(p + 2 * i);
}

void Dequantize(DType dtype, const std::byte* data, float* out, std::size_t count) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(data);
  const DTypeInfo& info = dtype_info(dtype);
  const std::size_t bytes = info.block_bytes;
  const std::size_t weights = info.block_size;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, p, count * sizeof(float));
      return;
    case DType::kF16:
      return widen_f16(p, out, count);
    case DType::kBF16:
      return widen_bf16(p, out, count);
    case DType::kQ4_0:
      return blocks<block_q4_0>(p, bytes, weights, out, count);
    case DType::kQ4_1:
      return blocks<block_q4_1>(p, bytes, weights, out, count);
    case DType::kQ5_0:
      return blocks<block_q5_0>(p, bytes, weights, out, count);
    case DType::kQ5_1:
      return blocks<block_q5_1>(p, bytes, weights, out, count);
    case DType::kQ8_0:
      return blocks<block_q8_0>(p, bytes, weights, out, count);
    case DType::kQ2_K:
      return blocks<block_q2_k>(p, bytes, weights, out, count);
    case DType::kQ3_K:
      return blocks<block_q3_k>(p, bytes, weights, out, count);
    case DType::kQ4_K:
      return blocks<block_q4_k>(p, bytes, weights, out, count);
    case DType::kQ5_K:
      return blocks<block_q5_k>(p, bytes, weights, out, count);
    case DType::kQ6_K:
      return blocks<block_q6_k>(p, bytes, weights, out, count);
    default:
      return;  // not a type of weights: loading has refused it
  }
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(Dequantize);

void dequantize(DType dtype, const std::byte* data, std::span<float> out) noexcept {
  if (out.empty()) return;
  HWY_DYNAMIC_DISPATCH(Dequantize)(dtype, data, out.data(), out.size());
}

void dequantize_row(WeightView w, std::size_t row, std::span<float> out) noexcept {
  if (w.transposed) {
    // One value of each stored row: collected, then widened together.
    const std::size_t bytes = dtype_bytes(w.dtype, 1);
    const std::byte* from = w.slice_rows(row, 1).data;
    std::array<std::byte, 1024> stored;
    const std::size_t most = stored.size() / bytes;
    for (std::size_t i = 0; i < out.size(); i += most) {
      const std::size_t count = std::min(most, out.size() - i);
      for (std::size_t k = 0; k < count; ++k) {
        std::memcpy(stored.data() + k * bytes, from + (i + k) * w.row_bytes, bytes);
      }
      dequantize(w.dtype, stored.data(), out.subspan(i, count));
    }
    return;
  }
  dequantize(w.dtype, w.row(row), out);
}

}  // namespace cutaway::kernels
#endif
