// dx = g W, the backward product of y = x Wᵀ, over the same weights in their stored type.
#pragma once

#include <cutaway/tensor.h>

#include "base/thread_pool.h"
#include "tensor/weight_view.h"

namespace cutaway::kernels {

/// dx[m, k] = sum over n of g[m, n] · w[n, k], g [tokens, w.rows], dx [tokens, w.cols]; f32
/// products and sums over exactly widened weights, of which no transposed copy is made. Every
/// stored type that `linear` takes. Rows of g and dx may be strided; dx is overwritten, and shares
/// no memory with g.
///
/// The order of the sum: n in blocks of 256; in a block one multiply-add after another from zero;
/// the blocks' sums are added one after another. It depends on w.rows alone, not on the stored
/// type, tokens, columns or threads, and is the same on every SIMD target that fuses multiply-adds:
/// a token's numbers are bit-identical alone and in a batch. Of a transposed matrix it is the order
/// of `linear` over an ordinary one, as each column then lies in memory as a row.
///
/// cost      one pass over w for every 256 tokens.
void linear_vjp(TensorView<const float, 2> g, WeightView w, TensorView<float, 2> dx,
                ThreadPool& pool);

}  // namespace cutaway::kernels
