// What every tensor file gives: name, type, shape, and where the bytes lie.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cutaway/dtype.h>

#include "io/mapped_file.h"

namespace cutaway::io {

/// A tensor as a file holds it. `bytes` lie inside `file`, are exactly as many as dtype and shape
/// need, and may be unaligned. Shape is row-major, slowest axis first (GGUF's order is reversed on
/// reading).
struct StoredTensor {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;

  std::size_t count() const noexcept {
    std::size_t n = 1;
    for (std::size_t e : shape) n *= e;
    return n;
  }
};

/// Elements of `shape`, or bytes that they take; nullopt if the product overflows or, for blocks,
/// if the last axis is not a whole number of blocks.
std::optional<std::size_t> checked_count(std::span<const std::size_t> shape) noexcept;
std::optional<std::size_t> checked_bytes(DType dtype, std::span<const std::size_t> shape) noexcept;

/// "[4, 8]", as messages show it.
std::string shape_text(std::span<const std::size_t> shape);

/// Widen a plain dtype to f32 (f64 is rounded; integers and bool are converted). `out` has
/// `count()` elements. throws UnsupportedError for GGUF's block types: the kernels unpack those.
void to_f32(const StoredTensor& tensor, std::span<float> out);

}  // namespace cutaway::io
