// A matrix of frozen weights in its stored type.
#pragma once

#include <cstddef>

#include <cutaway/dtype.h>

namespace cutaway {

/// W [rows, cols], rows being outputs and cols inputs; as the file holds it; possibly unaligned;
/// never copied. Types: f32, f16, bf16 and the GGUF blocks (cols a multiple of the block).
///
/// In memory the rows follow each other, `row_bytes` apart (a column slice of an f32 matrix has
/// rows further apart than its columns need). A `transposed` matrix lies as Wᵀ [cols, rows], as
/// GPT-2's checkpoints store it: `row_bytes` is then the distance between its stored rows, one for
/// each input. Only f32, f16 and bf16 can be transposed.
struct WeightView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t row_bytes = 0;
  bool transposed = false;

  /// Where the i-th row of the memory begins: output i, or input i of a transposed matrix.
  const std::byte* row(std::size_t i) const noexcept { return data + i * row_bytes; }

  /// The outputs [first, first + count), in the same memory.
  WeightView slice_rows(std::size_t first, std::size_t count) const noexcept {
    WeightView slice = *this;
    slice.data += transposed ? dtype_bytes(dtype, first) : first * row_bytes;
    slice.rows = count;
    return slice;
  }
};

}  // namespace cutaway
