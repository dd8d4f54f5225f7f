// A matrix of frozen weights in its stored type.
#pragma once

#include <cstddef>

#include <cutaway/dtype.h>

namespace cutaway {

/// W [rows, cols], row-major as the file holds it; possibly unaligned; never copied. `row_bytes` is
/// the distance between rows (a column slice of an f32 matrix has rows further apart than its
/// columns need). Types: f32, f16, bf16 and the GGUF blocks (cols a multiple of the block).
struct WeightView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t row_bytes = 0;

  const std::byte* row(std::size_t i) const noexcept { return data + i * row_bytes; }
};

}  // namespace cutaway
