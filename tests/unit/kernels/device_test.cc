// What the CPU's Device adds to the kernels: rows that move, and splitting among threads.
#include "kernels/device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/elementwise.h"
#include "reference/random.h"

namespace cutaway {
namespace {

class CpuDevice : public testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{GetParam()};
  std::unique_ptr<Device> device_ = make_cpu_device(pool_);
};

// Enough rows for several work units.
constexpr std::size_t kRows = 70;
constexpr std::size_t kCols = 1000;

TensorView<float, 2> view(std::vector<float>& v) { return {v.data(), {v.size() / kCols, kCols}}; }
TensorView<const float, 2> view(const std::vector<float>& v) {
  return {v.data(), {v.size() / kCols, kCols}};
}

TEST_P(CpuDevice, GathersRowsInAnyOrderAndMoreThanOnce) {
  const std::vector<float> x = reference::Random(1).normals(kRows * kCols);
  const std::vector<std::size_t> rows{69, 0, 3, 3, 12};
  std::vector<float> y(rows.size() * kCols);
  device_->gather_rows(view(x), rows, view(y));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(std::memcmp(y.data() + i * kCols, x.data() + rows[i] * kCols, kCols * 4), 0) << i;
  }
  device_->gather_rows(view(x), {}, TensorView<float, 2>(nullptr, {0, kCols}));
}

TEST_P(CpuDevice, AddsScaledRowsWhereTheyBelong) {
  const std::vector<std::size_t> rows{7, 2, 69, 0};
  const std::vector<float> factors{0.5F, -2.0F, 0.0F, 3.0F};
  const std::vector<float> x = reference::Random(1).normals(rows.size() * kCols);
  const std::vector<float> before = reference::Random(2).normals(kRows * kCols);
  std::vector<float> y = before;
  device_->add_scaled_rows(view(x), rows, factors, view(y));
  std::vector<float> expected = before;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    kernels::add_scaled({x.data() + i * kCols, kCols}, factors[i],
                        {expected.data() + rows[i] * kCols, kCols});
  }
  EXPECT_EQ(y, expected);
}

TEST_P(CpuDevice, ScalesAllRowsOrEachByItsOwnFactor) {
  const std::vector<float> x = reference::Random(1).normals(kRows * kCols);
  const std::vector<float> factors = reference::Random(2).normals(kRows);
  std::vector<float> by_row = x;
  device_->multiply_rows(factors, view(by_row));
  std::vector<float> by_one = x;
  device_->scale(-1.25F, view(by_one));
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(by_row[i], x[i] * factors[i / kCols]);
    ASSERT_EQ(by_one[i], x[i] * -1.25F);
  }
}

TEST_P(CpuDevice, NormalisesWithTheBitsOfThePhases) {
  const std::vector<float> x = reference::Random(1).normals(kRows * kCols);
  const std::vector<float> weight = reference::Random(2).normals(kCols);
  const std::vector<float> bias = reference::Random(3).normals(kCols);
  std::vector<float> fused(x.size());
  device_->layer_norm(view(x), weight, bias, 1e-5F, view(fused));
  std::vector<float> y(x.size());
  std::vector<float> scale(kRows);
  device_->center_rows(view(x), view(y));
  device_->rms_scale(view(y), 1e-5F, scale);
  device_->divide_rows(view(y), scale, view(y));
  device_->multiply_columns(view(y), weight, view(y));
  device_->add_columns(bias, view(y));
  EXPECT_EQ(fused, y);
}

TEST_P(CpuDevice, KnowsRelu) {
  std::vector<float> x = reference::Random(1).normals(kRows * kCols);
  std::vector<float> y(x.size());
  device_->activate(Activation::kRelu, view(x), view(y));
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], x[i] > 0 ? x[i] : 0.0F);
}

TEST_P(CpuDevice, TurnsPairsOfNeighbours) {
  std::vector<float> x{1, 2, 3, 4};
  const std::vector<float> cos{0, 1};
  const std::vector<float> sin{1, 0};
  device_->rope_pairs(TensorView<float, 3>(x.data(), {1, 1, 4}), {cos.data(), {1, 2}},
                      {sin.data(), {1, 2}});
  EXPECT_EQ(x, (std::vector<float>{-2, 1, 3, 4}));
}

TEST_P(CpuDevice, MultipliesByATransposedMatrix) {
  // W = [[1, 2, 3], [4, 5, 6]] as [in, out] = [3, 2].
  const std::vector<float> stored{1, 4, 2, 5, 3, 6};
  const WeightView w{reinterpret_cast<const std::byte*>(stored.data()),
                     DType::kF32,
                     2,
                     3,
                     2 * sizeof(float),
                     true};
  const std::vector<float> x{1, 10, 100};
  const std::vector<float> bias{0.5F, -0.5F};
  std::vector<float> y(2);
  device_->linear({x.data(), {1, 3}},
                  std::vector<Product>{{w, bias, TensorView<float, 2>(y.data(), {1, 2})}});
  EXPECT_EQ(y, (std::vector<float>{321.5F, 653.5F}));
  // An embedding of such a matrix takes a column of the memory.
  std::vector<float> row(3);
  const std::vector<std::int32_t> ids{1};
  device_->embed(w, ids, 1.0F, TensorView<float, 2>(row.data(), {1, 3}));
  EXPECT_EQ(row, (std::vector<float>{4, 5, 6}));
}

INSTANTIATE_TEST_SUITE_P(Threads, CpuDevice, testing::Values(1, 3));

}  // namespace
}  // namespace cutaway
