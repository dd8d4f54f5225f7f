// y = x Wᵀ where the memory holds Wᵀ, one stored row for each input: sums of rows, not dots.
#pragma once

#include <cutaway/tensor.h>

#include "base/thread_pool.h"
#include "tensor/weight_view.h"

namespace cutaway::kernels {

/// y[m, n] = sum over k of x[m, k] · w[n, k]. The order of the sum: the inputs in blocks of 256; in
/// a block one multiply-add after another from zero; the blocks' sums are added one after another.
/// It is the same on every SIMD target that fuses multiply-adds, and depends on nothing but the
/// inputs. Also for matrices of blocks, whose stored rows are whole blocks (no model has such a
/// transposed matrix, but a backward product reads an ordinary one this way). None of tokens, rows
/// and cols is 0.
void linear_transposed(TensorView<const float, 2> x, WeightView w, TensorView<float, 2> y,
                       ThreadPool& pool);

}  // namespace cutaway::kernels
