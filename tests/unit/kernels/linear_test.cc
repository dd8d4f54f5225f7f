#include "kernels/linear.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "kernels/dequant.h"
#include "reference/linear.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

// A matrix in its stored type, at an odd address, its rows `gap` bytes apart, NaN in between, and
// nothing behind the last row.
struct Stored {
  Stored(DType type, std::size_t rows, std::size_t cols, std::size_t gap, std::uint64_t seed)
      : cols_(cols), wide_(rows * cols) {
    reference::Random random(seed);
    const std::size_t row = dtype_bytes(type, cols);
    const std::size_t end = rows == 0 ? 0 : (rows - 1) * (row + gap) + row;
    bytes_.assign(end + 1, std::byte{0xFF});
    view_ = {bytes_.data() + 1, type, rows, cols, row + gap};
    for (std::size_t n = 0; n < rows; ++n) {
      std::byte* to = bytes_.data() + 1 + n * view_.row_bytes;
      fill(type, random, to, row);
      kernels::dequantize_row(view_, n, {wide_.data() + n * cols, cols});
    }
  }

  void fill(DType type, reference::Random& random, std::byte* to, std::size_t row) {
    switch (type) {
      case DType::kF32:
        for (std::size_t k = 0; k < row / 4; ++k) {
          const auto x = static_cast<float>(random.normal());
          std::memcpy(to + 4 * k, &x, 4);
        }
        return;
      case DType::kF16:
      case DType::kBF16:
        for (std::size_t k = 0; k < row / 2; ++k) {
          const auto x = static_cast<float>(random.normal());
          const std::uint16_t bits = type == DType::kF16 ? to_f16(x).bits : to_bf16(x).bits;
          std::memcpy(to + 2 * k, &bits, 2);
        }
        return;
      default:
        // Any bits are a valid block, but a scale must be a finite half: keep exponents small.
        for (std::size_t k = 0; k < row; ++k) {
          to[k] = static_cast<std::byte>(random.bits() & 0x3F);
        }
    }
  }

  std::span<const float> row(std::size_t n) const { return {wide_.data() + n * cols_, cols_}; }
  const WeightView& view() const { return view_; }
  const std::vector<float>& wide() const { return wide_; }

 private:
  std::size_t cols_;
  std::vector<std::byte> bytes_;
  WeightView view_;
  std::vector<float> wide_;
};

// y has `gap` floats between rows that must stay as they were.
std::vector<float> product(std::span<const float> x, std::size_t tokens, const WeightView& w,
                           int threads = 1, std::size_t gap = 0) {
  ThreadPool pool(threads);
  const std::size_t stride = w.rows + gap;
  std::vector<float> y(tokens * stride, -77.0F);
  const kernels::LinearInput input(TensorView<const float, 2>(x.data(), {tokens, w.cols}));
  kernels::linear(input, w, TensorView<float, 2>(y.data(), {tokens, w.rows}, {stride, 1}), pool);
  std::vector<float> packed;
  for (std::size_t m = 0; m < tokens; ++m) {
    for (std::size_t n = 0; n < stride; ++n) {
      if (n < w.rows) {
        packed.push_back(y[m * stride + n]);
      } else {
        EXPECT_EQ(y[m * stride + n], -77.0F);
      }
    }
  }
  return packed;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

using Linear = EveryTarget;

void expect_twin(DType type, std::size_t tokens, std::size_t rows, std::size_t cols,
                 std::size_t gap, reference::SumOrder order) {
  SCOPED_TRACE(testing::Message() << dtype_info(type).name << " " << tokens << "x" << rows << "x"
                                  << cols << " gap " << gap);
  const Stored w(type, rows, cols, gap, 7 * rows + cols);
  reference::Random random(tokens + 1);
  const std::vector<float> x = random.normals(tokens * cols);
  const std::vector<float> y = product(x, tokens, w.view(), 1, gap % 5);
  ASSERT_EQ(y.size(), tokens * rows);
  for (std::size_t m = 0; m < tokens; ++m) {
    for (std::size_t n = 0; n < rows; ++n) {
      const std::span<const float> token(x.data() + m * cols, cols);
      const float twin = reference::dot_in_order(w.row(n), token, order, type == DType::kBF16);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(y[m * rows + n]), std::bit_cast<std::uint32_t>(twin))
          << "token " << m << " row " << n;
      // Rounding errors of a chain of `cols / lanes` sums: mostly random, so far below the bound;
      // with one lane the bound itself.
      const double error = order.lanes >= 4 ? 4e-7 : 6e-8 * static_cast<double>(cols + 1);
      const reference::Dot exact = reference::dot(w.row(n), token);
      ASSERT_NEAR(y[m * rows + n], exact.value, error * exact.magnitude + 1e-30);
    }
  }
}

TEST_P(Linear, HasTheBitsOfTheScalarTwinForEverySize) {
  for (const DType type : {DType::kBF16, DType::kF32, DType::kF16}) {
    for (const std::size_t cols :
         {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257}) {
      for (const std::size_t tokens : {1, 2, 3, 4, 7}) {
        expect_twin(type, tokens, 13, cols, cols % 3 * 4, sum_order());
      }
    }
    for (const std::size_t rows : {0, 1, 2, 5, 6, 8, 9, 48, 49, 65, 130}) {
      for (const std::size_t tokens : {0, 1, 2, 3, 4, 5, 6, 9}) {
        expect_twin(type, tokens, rows, 40, 0, sum_order());
      }
    }
    expect_twin(type, 66, 53, 100, 4, sum_order());  // rows are copied
    expect_twin(type, 3, 20, 4100, 0, sum_order());
    expect_twin(type, 1, 20, 4100, 12, sum_order());
  }
}

TEST_P(Linear, HasTheBitsOfTheScalarTwinForEveryBlockType) {
  for (int t = static_cast<int>(DType::kQ4_0); t <= static_cast<int>(DType::kQ6_K); ++t) {
    const auto type = static_cast<DType>(t);
    for (const std::size_t tokens : {1, 3, 4, 6}) {
      expect_twin(type, tokens, 51, 512, 0, sum_order());
      expect_twin(type, tokens, 7, 256, 10, sum_order());
    }
  }
}

TEST_P(Linear, GivesQuantisedWeightsTheBitsOfTheirF32Values) {
  for (int t = static_cast<int>(DType::kF16); t <= static_cast<int>(DType::kQ6_K); ++t) {
    const auto type = static_cast<DType>(t);
    if (type != DType::kF16 && t < static_cast<int>(DType::kQ4_0)) continue;
    const Stored w(type, 70, 768, 0, 3);
    const WeightView wide{reinterpret_cast<const std::byte*>(w.wide().data()), DType::kF32, 70, 768,
                          768 * 4};
    for (const std::size_t tokens : {1, 2, 5}) {
      const std::vector<float> x = reference::Random(tokens).normals(tokens * 768);
      EXPECT_TRUE(same_bits(product(x, tokens, w.view()), product(x, tokens, wide)))
          << dtype_info(type).name;
    }
  }
}

TEST_P(Linear, DependsNeitherOnTokensNorOnThreads) {
  for (const DType type : {DType::kBF16, DType::kF32, DType::kF16, DType::kQ8_0, DType::kQ4_K}) {
    constexpr std::size_t kTokens = 11;
    constexpr std::size_t kCols = 512;
    const Stored w(type, 203, kCols, 0, 11);
    const std::vector<float> x = reference::Random(5).normals(kTokens * kCols);
    const std::vector<float> all = product(x, kTokens, w.view());
    for (const int threads : {2, 8}) {
      EXPECT_TRUE(same_bits(product(x, kTokens, w.view(), threads), all)) << threads;
    }
    for (std::size_t size = 1; size < kTokens; ++size) {
      std::vector<float> parts;
      for (std::size_t m = 0; m < kTokens; m += size) {
        const std::size_t count = std::min(size, kTokens - m);
        const std::span<const float> some(x.data() + m * kCols, count * kCols);
        const std::vector<float> y = product(some, count, w.view());
        parts.insert(parts.end(), y.begin(), y.end());
      }
      EXPECT_TRUE(same_bits(parts, all)) << dtype_info(type).name << " by " << size;
    }
  }
}

TEST_P(Linear, TakesLargeInputsInBlocksOfTheSameBits) {
  constexpr std::size_t kTokens = 290;
  constexpr std::size_t kCols = 16384;
  const Stored w(DType::kBF16, 7, kCols, 0, 1);
  std::vector<float> x(kTokens * kCols);
  std::uint32_t state = 1;
  for (float& v : x) {
    state = state * 1664525U + 1013904223U;
    v = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31F;
  }
  const std::vector<float> all = product(x, kTokens, w.view(), 2);
  for (const std::size_t m : {std::size_t{0}, std::size_t{255}, std::size_t{256}, kTokens - 1}) {
    const std::vector<float> one = product({x.data() + m * kCols, kCols}, 1, w.view());
    EXPECT_TRUE(same_bits(one, {all.data() + m * 7, 7})) << m;
  }
}

TEST_P(Linear, ReadsAColumnSliceOfAWiderMatrix) {
  const Stored wide(DType::kF32, 9, 100, 0, 2);
  WeightView slice = wide.view();
  slice.data += 4 * 30;
  slice.cols = 37;
  const std::vector<float> x = reference::Random(8).normals(5 * 37);
  const std::vector<float> y = product(x, 5, slice);
  for (std::size_t m = 0; m < 5; ++m) {
    for (std::size_t n = 0; n < 9; ++n) {
      EXPECT_EQ(y[m * 9 + n], reference::dot_in_order(wide.row(n).subspan(30, 37),
                                                      {x.data() + m * 37, 37}, sum_order(), false));
    }
  }
}

TEST_P(Linear, ReadsStridedActivations) {
  const Stored w(DType::kBF16, 10, 48, 0, 2);
  const std::vector<float> x = reference::Random(8).normals(3 * 60);
  std::vector<float> dense;
  for (std::size_t m = 0; m < 3; ++m) {
    dense.insert(dense.end(), x.begin() + m * 60, x.begin() + m * 60 + 48);
  }
  ThreadPool pool(1);
  std::vector<float> y(30);
  const kernels::LinearInput input(TensorView<const float, 2>(x.data(), {3, 48}, {60, 1}));
  kernels::linear(input, w.view(), TensorView<float, 2>(y.data(), {3, 10}), pool);
  EXPECT_TRUE(same_bits(y, product(dense, 3, w.view())));
}

TEST_P(Linear, PropagatesNanAndInfinityToTheirRowAlone) {
  Stored w(DType::kF32, 20, 33, 0, 2);
  std::vector<float> x = reference::Random(8).normals(6 * 33);
  const std::vector<float> before = product(x, 6, w.view());
  x[2 * 33 + 32] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> after = product(x, 6, w.view());
  for (std::size_t m = 0; m < 6; ++m) {
    for (std::size_t n = 0; n < 20; ++n) {
      if (m == 2) {
        EXPECT_TRUE(std::isnan(after[m * 20 + n]));
      } else {
        EXPECT_EQ(after[m * 20 + n], before[m * 20 + n]);
      }
    }
  }
}

TEST_P(Linear, ServesSeveralMatricesFromOneInput) {
  const Stored a(DType::kBF16, 12, 64, 0, 1);
  const Stored b(DType::kF32, 30, 64, 0, 2);
  const std::vector<float> x = reference::Random(8).normals(4 * 64);
  ThreadPool pool(2);
  const kernels::LinearInput input(TensorView<const float, 2>(x.data(), {4, 64}));
  EXPECT_EQ(input.tokens(), 4);
  EXPECT_EQ(input.cols(), 64);
  for (const Stored* w : {&a, &b, &a}) {
    std::vector<float> y(4 * w->view().rows);
    kernels::linear(input, w->view(), TensorView<float, 2>(y.data(), {4, w->view().rows}), pool);
    EXPECT_TRUE(same_bits(y, product(x, 4, w->view())));
  }
}

CUTAWAY_ON_EVERY_TARGET(Linear);

}  // namespace
}  // namespace cutaway
