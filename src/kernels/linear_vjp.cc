#include "kernels/linear_vjp.h"

#include <algorithm>
#include <utility>

#include "kernels/linear.h"
#include "kernels/linear_transposed.h"

namespace cutaway::kernels {

void linear_vjp(TensorView<const float, 2> g, WeightView w, TensorView<float, 2> dx,
                ThreadPool& pool) {
  const std::size_t tokens = g.extent(0);
  if (tokens == 0 || w.cols == 0) return;
  if (w.rows == 0) {
    for (std::size_t m = 0; m < tokens; ++m) std::ranges::fill(dx.row(m), 0.0F);
    return;
  }
  // The memory of W is that of Wᵀ with its transposition the other way round, and g W = g (Wᵀ)ᵀ.
  WeightView back = w;
  std::swap(back.rows, back.cols);
  back.transposed = !w.transposed;
  if (back.transposed) return linear_transposed(g, back, dx, pool);
  linear(LinearInput(g), back, dx, pool);
}

}  // namespace cutaway::kernels
