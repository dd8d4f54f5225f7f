#include <cutaway/tensor.h>

#include <cstdint>
#include <limits>
#include <utility>

#include <cutaway/error.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

TEST(Tensor, StartsAsZerosOnACacheLine) {
  const Tensor t({3, 5});
  EXPECT_EQ(t.size(), 15U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.data()) % 64, 0U);
  for (float x : t.values()) EXPECT_EQ(x, 0.0F);
}

TEST(Tensor, CopiesAreIndependentAndMovesTakeTheMemory) {
  Tensor a({2}, std::vector<float>{1, 2});
  Tensor b = a;
  b.data()[0] = 9;
  EXPECT_EQ(a.data()[0], 1.0F);
  const float* memory = b.data();
  const Tensor c = std::move(b);
  EXPECT_EQ(c.data(), memory);
  a = c;
  EXPECT_EQ(a.data()[0], 9.0F);
  Tensor empty;
  a = empty;
  EXPECT_EQ(a.size(), 0U);
}

TEST(Tensor, ScalarsAndEmptyAxes) {
  EXPECT_EQ(Tensor(std::vector<std::size_t>{}).size(), 1U);
  EXPECT_EQ(Tensor({4, 0, 7}).size(), 0U);
}

TEST(Tensor, ImpossibleShapesAreRefused) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2;
  EXPECT_THROW(Tensor({huge, 3}), ArgumentError);
  EXPECT_THROW(Tensor({2, 2}, std::vector<float>{1, 2, 3}), ShapeError);
  Tensor t({2, 3});
  EXPECT_THROW(t.reshape({4}), ShapeError);
  EXPECT_THROW((void)t.view<3>(), ShapeError);
  t.reshape({3, 2});
  EXPECT_EQ(shape_string(t.shape()), "[3, 2]");
}

TEST(TensorView, StridesReachTheRightElements) {
  Tensor t({2, 3, 4});
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = static_cast<float>(i);
  const auto view = t.view<3>();
  EXPECT_EQ(view(1, 2, 3), 23.0F);
  // Every second column of the first matrix.
  const TensorView<const float, 2> columns(t.data(), {3, 2}, {4, 2});
  EXPECT_EQ(columns(2, 1), 10.0F);
  const TensorView<const float, 3> constant = view;
  EXPECT_EQ(constant(0, 1, 0), 4.0F);
  const TensorView<float, 2> rows(t.data(), {6, 4});
  EXPECT_EQ(rows.row(5)[1], 21.0F);
}

}  // namespace
}  // namespace cutaway
