// y = x Wᵀ over weights in their stored type: one family of dot kernels for every number of tokens.
#pragma once

#include <cstddef>
#include <memory>

#include <cutaway/tensor.h>

#include "base/thread_pool.h"
#include "tensor/weight_view.h"

namespace cutaway::kernels {

/// Activations prepared once for all weight matrices that read them (q, k, v; gate, up): padded
/// rows, and the column order that the stored type wants. Borrows `x` [tokens, cols] until
/// destroyed; packs lazily, on the first product of each kind.
class LinearInput {
 public:
  explicit LinearInput(TensorView<const float, 2> x);
  ~LinearInput();
  LinearInput(const LinearInput&) = delete;
  LinearInput& operator=(const LinearInput&) = delete;

  std::size_t tokens() const noexcept;
  std::size_t cols() const noexcept;

  struct Packed;
  Packed& packed() const noexcept { return *packed_; }

 private:
  std::unique_ptr<Packed> packed_;
};

/// y[m, n] = sum over k of x[m, k] · w[n, k]; f32 products and sums over exactly widened weights.
/// The order of the sum depends on the columns, the stored type's class and the SIMD target alone:
/// not on tokens, rows, threads or tiles, so a token's numbers are bit-identical in a prefill, in a
/// batch and in decoding. A transposed matrix has an order of its own (linear_transposed.h). `y`
/// rows may be strided.
void linear(const LinearInput& x, WeightView w, TensorView<float, 2> y, ThreadPool& pool);

}  // namespace cutaway::kernels
