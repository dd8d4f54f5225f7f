#include "kernels/linear_transposed.h"

#include <algorithm>
#include <cstdint>

#include "kernels/dequant.h"
#include "kernels/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_transposed.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;

// sums[n] += x · w[n]; both padded to whole vectors.
void AddProducts(const float* w, float x, float* HWY_RESTRICT sums, std::size_t count) {
  const D d;
  for (std::size_t n = 0; n < count; n += hn::MaxLanes(d)) {
    hn::Store(hn::MulAdd(hn::Load(d, w + n), hn::Set(d, x), hn::Load(d, sums + n)), d, sums + n);
  }
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(AddProducts);

void linear_transposed(TensorView<const float, 2> x, WeightView w, TensorView<float, 2> y,
                       ThreadPool& pool) {
  constexpr std::size_t kBlock = 256;  // inputs
  constexpr std::size_t kColumns = 512;
  const std::size_t tokens = x.extent(0);
  pool.parallel_for((w.rows + kColumns - 1) / kColumns, [&](std::size_t unit) {
    const std::size_t first = unit * kColumns;
    const std::size_t count = std::min(kColumns, w.rows - first);
    const WeightView part = w.slice_rows(first, count);
    float* wide = thread_scratch(2 * kColumns);
    float* sums = wide + kColumns;
    std::fill_n(wide, kColumns, 0.0F);
    for (std::size_t m = 0; m < tokens; ++m) {
      float* total = &y(m, first);
      std::fill_n(total, count, 0.0F);
      for (std::size_t begin = 0; begin < w.cols; begin += kBlock) {
        std::fill_n(sums, kColumns, 0.0F);
        for (std::size_t k = begin; k < std::min(w.cols, begin + kBlock); ++k) {
          dequantize(w.dtype, part.row(k), {wide, count});
          HWY_DYNAMIC_DISPATCH(AddProducts)(wide, x(m, k), sums, kColumns);
        }
        for (std::size_t n = 0; n < count; ++n) total[n] += sums[n];
      }
    }
  });
}

}  // namespace cutaway::kernels
#endif
