// How numbers are stored: in files, in mapped weights, in arrays that come in and go out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cutaway {

/// Storage types. The `q` types are GGUF's blocks: a fixed number of weights packed with their
/// scales.
enum class DType : std::uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

/// Facts of a storage type. A plain type has `block_size` 1; a block type packs `block_size`
/// weights into `block_bytes` bytes.
struct DTypeInfo {
  std::string_view name;  ///< "f32", "bf16", "q4_k" ...: the spelling in JSON, the CLI and Python
  std::size_t block_size;
  std::size_t block_bytes;
};

const DTypeInfo& dtype_info(DType dtype) noexcept;

/// Bytes that `count` values take. `count` must be a multiple of the block size, and the product
/// must not overflow (the file readers check both).
std::size_t dtype_bytes(DType dtype, std::size_t count) noexcept;

}  // namespace cutaway
