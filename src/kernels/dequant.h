// Stored weights to f32.
#pragma once

#include <cstddef>
#include <span>

#include <cutaway/dtype.h>

#include "tensor/weight_view.h"

namespace cutaway::kernels {

/// Widen `out.size()` consecutive values (a multiple of the block size). Bit-equal to the scalar
/// twin, and to `gguf.dequantize` of the reference package.
void dequantize(DType dtype, const std::byte* data, std::span<float> out) noexcept;

/// One row of a matrix, transposed or not: out[i] = w[row, i].
void dequantize_row(WeightView w, std::size_t row, std::span<float> out) noexcept;

}  // namespace cutaway::kernels
