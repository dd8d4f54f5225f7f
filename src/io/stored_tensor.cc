#include "io/stored_tensor.h"

#include <cutaway/error.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cassert>
#include <cstdint>
#include <cstring>

#include "base/float16.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

// The bytes may stand anywhere in the file, so every element is copied out.
template <typename Stored>
void widen(std::span<const std::byte> bytes, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    if constexpr (std::is_same_v<Stored, bf16> || std::is_same_v<Stored, f16>) {
      out[i] = to_float(stored);
    } else {
      out[i] = static_cast<float>(stored);
    }
  }
}

}  // namespace

std::optional<std::size_t> checked_count(std::span<const std::size_t> shape) noexcept {
  std::size_t count = 1;
  for (const std::size_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

std::optional<std::size_t> checked_bytes(DType dtype, std::span<const std::size_t> shape) noexcept {
  const DTypeInfo& info = dtype_info(dtype);
  const auto count = checked_count(shape);
  if (!count) return std::nullopt;
  if (info.block_size > 1 && (shape.empty() || shape.back() % info.block_size != 0)) {
    return std::nullopt;
  }
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(*count / info.block_size, info.block_bytes, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::string shape_text(std::span<const std::size_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void to_f32(const StoredTensor& tensor, std::span<float> out) {
  assert(out.size() == tensor.count());
  const auto bytes = tensor.bytes;
  switch (tensor.dtype) {
    case DType::kF64:
      return widen<double>(bytes, out);
    case DType::kF32:
      return widen<float>(bytes, out);
    case DType::kF16:
      return widen<f16>(bytes, out);
    case DType::kBF16:
      return widen<bf16>(bytes, out);
    case DType::kI64:
      return widen<std::int64_t>(bytes, out);
    case DType::kI32:
      return widen<std::int32_t>(bytes, out);
    case DType::kI16:
      return widen<std::int16_t>(bytes, out);
    case DType::kI8:
      return widen<std::int8_t>(bytes, out);
    case DType::kU64:
      return widen<std::uint64_t>(bytes, out);
    case DType::kU32:
      return widen<std::uint32_t>(bytes, out);
    case DType::kU16:
      return widen<std::uint16_t>(bytes, out);
    case DType::kU8:
      return widen<std::uint8_t>(bytes, out);
    case DType::kBool:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = bytes[i] == std::byte{0} ? 0.0F : 1.0F;
      return;
    default:
      throw UnsupportedError(
          tensor.file ? tensor.file->path().string() : std::string(),
          fmt::format("tensor '{}' is stored as {} blocks, expected a plain dtype",
                      printable(tensor.name), dtype_info(tensor.dtype).name));
  }
}

}  // namespace cutaway::io
