#include "kernels/linear_vjp.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "kernels/dequant.h"
#include "kernels/device.h"
#include "kernels/linear.h"
#include "reference/linear.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

// W [rows, cols] in its stored type, transposed or not, at an odd address, its stored rows `gap`
// bytes apart, NaN in between, nothing behind the last; and its columns in f32.
class Stored {
 public:
  Stored(DType type, std::size_t rows, std::size_t cols, std::size_t gap, std::uint64_t seed,
         bool transposed = false)
      : rows_(rows), columns_(rows * cols) {
    reference::Random random(seed);
    const std::size_t lines = transposed ? cols : rows;
    const std::size_t line = dtype_bytes(type, transposed ? rows : cols);
    bytes_.assign(lines == 0 ? 1 : 1 + (lines - 1) * (line + gap) + line, std::byte{0xFF});
    view_ = {bytes_.data() + 1, type, rows, cols, line + gap, transposed};
    for (std::size_t i = 0; i < lines; ++i) {
      fill(type, random, bytes_.data() + 1 + i * view_.row_bytes, line);
    }
    std::vector<float> row(cols);
    for (std::size_t n = 0; n < rows; ++n) {
      kernels::dequantize_row(view_, n, row);
      for (std::size_t k = 0; k < cols; ++k) columns_[k * rows + n] = row[k];
    }
  }

  const WeightView& view() const { return view_; }
  /// The weights of input k, one for each output.
  std::span<const float> column(std::size_t k) const {
    return {columns_.data() + k * rows_, rows_};
  }

 private:
  static void fill(DType type, reference::Random& random, std::byte* to, std::size_t bytes) {
    if (type == DType::kF32 || type == DType::kF16 || type == DType::kBF16) {
      const std::size_t size = dtype_bytes(type, 1);
      for (std::size_t at = 0; at < bytes; at += size) {
        const auto x = static_cast<float>(random.unit() * 4.0 - 2.0);
        const std::uint16_t half = type == DType::kF16 ? to_f16(x).bits : to_bf16(x).bits;
        std::memcpy(to + at, type == DType::kF32 ? static_cast<const void*>(&x) : &half, size);
      }
      return;
    }
    // Any bits are a valid block, but a scale must be a finite half: keep exponents small.
    for (std::size_t at = 0; at < bytes; ++at) {
      to[at] = static_cast<std::byte>(random.bits() & 0x3F);
    }
  }

  std::size_t rows_;
  std::vector<std::byte> bytes_;
  WeightView view_;
  std::vector<float> columns_;
};

std::vector<float> numbers(std::size_t count, std::uint64_t seed) {
  reference::Random random(seed);
  std::vector<float> x(count);
  for (float& v : x) v = static_cast<float>(random.unit() * 2.0 - 1.0);
  return x;
}

// Rows of g and dx are strided; what lies between rows of g is NaN, of dx stays as it was.
std::vector<float> vjp(std::span<const float> g, std::size_t tokens, const WeightView& w,
                       int threads = 1) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr std::size_t kGap = 3;
  const std::size_t from = w.rows + kGap, to = w.cols + kGap;
  std::vector<float> strided(tokens * from, kNan);
  for (std::size_t i = 0; i < g.size(); ++i) strided[i / w.rows * from + i % w.rows] = g[i];
  std::vector<float> out(tokens * to, -77.0F);
  ThreadPool pool(threads);
  kernels::linear_vjp(TensorView<const float, 2>(strided.data(), {tokens, w.rows}, {from, 1}), w,
                      TensorView<float, 2>(out.data(), {tokens, w.cols}, {to, 1}), pool);
  std::vector<float> dx;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % to < w.cols) {
      dx.push_back(out[i]);
    } else {
      EXPECT_EQ(out[i], -77.0F);
    }
  }
  return dx;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

constexpr DType kPlain[] = {DType::kF32, DType::kBF16, DType::kF16};

std::vector<DType> block_types() {
  std::vector<DType> types;
  for (int t = static_cast<int>(DType::kQ4_0); t <= static_cast<int>(DType::kQ6_K); ++t)
    types.push_back(static_cast<DType>(t));
  return types;
}

using LinearVjp = EveryTarget;

void expect_twin(DType type, std::size_t tokens, std::size_t rows, std::size_t cols,
                 std::size_t gap, reference::SumOrder order, bool transposed = false) {
  SCOPED_TRACE(testing::Message() << dtype_info(type).name << (transposed ? " transposed " : " ")
                                  << tokens << "x" << rows << "x" << cols << " gap " << gap);
  const Stored w(type, rows, cols, gap, 7 * rows + cols, transposed);
  const std::vector<float> g = numbers(tokens * rows, tokens + 1);
  const std::vector<float> dx = vjp(g, tokens, w.view());
  ASSERT_EQ(dx.size(), tokens * cols);
  for (std::size_t m = 0; m < tokens; ++m) {
    const std::span<const float> token(g.data() + m * rows, rows);
    for (std::size_t k = 0; k < cols; ++k) {
      const float twin =
          transposed ? reference::dot_in_order(w.column(k), token, order, type == DType::kBF16)
                     : reference::sum_in_blocks(w.column(k), token, order.fused);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(dx[m * cols + k]), std::bit_cast<std::uint32_t>(twin))
          << "token " << m << " column " << k;
    }
  }
}

TEST_P(LinearVjp, HasTheBitsOfTheScalarTwinForEverySize) {
  for (const DType type : kPlain) {
    for (const std::size_t cols :
         {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 80, 100, 130}) {
      for (const std::size_t tokens : {1, 2, 3, 4, 5, 24, 26})
        expect_twin(type, tokens, 20, cols, cols % 3 * 4, sum_order());
    }
    for (const std::size_t rows : {0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 255, 256, 257, 513}) {
      for (const std::size_t tokens : {0, 1, 2, 3, 4, 25})
        expect_twin(type, tokens, rows, 37, 5, sum_order());
    }
    for (std::size_t tokens = 6; tokens <= 37; ++tokens)
      expect_twin(type, tokens, 40, 19, 0, sum_order());
    // Several work units.
    expect_twin(type, 1, 9, 4200, 0, sum_order());
    expect_twin(type, 5, 33, 1100, 2, sum_order());
    expect_twin(type, 30, 33, 1100, 2, sum_order());
  }
}

TEST_P(LinearVjp, HasTheBitsOfTheScalarTwinForEveryBlockType) {
  for (const DType type : block_types()) {
    for (const std::size_t tokens : {1, 2, 3, 4, 6, 23, 24, 31}) {
      expect_twin(type, tokens, 51, 512, 0, sum_order());
    }
    for (const std::size_t rows : {1, 7, 8, 9, 256, 265}) {
      expect_twin(type, 1, rows, 256, 10, sum_order());
      expect_twin(type, 25, rows, 256, 10, sum_order());
    }
    // Several work units.
    expect_twin(type, 2, 9, 2560, 0, sum_order());
    expect_twin(type, 25, 9, 1280, 0, sum_order());
  }
  for (const DType type : {DType::kQ4_0, DType::kQ5_1, DType::kQ8_0}) {
    for (const std::size_t tokens : {1, 4, 25}) {
      expect_twin(type, tokens, 17, 32, 1, sum_order());
      expect_twin(type, tokens, 17, 1120, 0, sum_order());
    }
  }
}

TEST_P(LinearVjp, OfATransposedMatrixHasTheBitsOfTheDotTwin) {
  for (const DType type : kPlain) {
    for (const std::size_t rows : {0, 1, 15, 16, 17, 32, 33, 100, 257}) {
      for (const std::size_t tokens : {1, 3, 4, 7})
        expect_twin(type, tokens, rows, 13, rows % 3 * 4, sum_order(), true);
    }
    for (const std::size_t cols : {0, 1, 5, 48, 49, 130})
      expect_twin(type, 5, 40, cols, 0, sum_order(), true);
  }
}

// <g, W x> = <gW, x>, of two kernels that have nothing in common but the weights: each side within
// the error bound of f32 sums (4e-7 of the sum of magnitudes, as in the tests of `linear`).
TEST_P(LinearVjp, IsTheAdjointOfLinear) {
  const double bound = 2 * (sum_order().lanes >= 4 ? 6e-7 : 6e-8 * 513);
  const auto check = [&](DType type, std::size_t tokens, bool transposed) {
    SCOPED_TRACE(testing::Message() << dtype_info(type).name << " " << tokens << " " << transposed);
    constexpr std::size_t kRows = 300, kCols = 512;
    const Stored w(type, kRows, kCols, 0, 3, transposed);
    const std::vector<float> g = numbers(tokens * kRows, 4);
    const std::vector<float> x = numbers(tokens * kCols, 5);
    const std::vector<float> dx = vjp(g, tokens, w.view());
    std::vector<float> y(tokens * kRows);
    ThreadPool pool(1);
    kernels::linear(kernels::LinearInput(TensorView<const float, 2>(x.data(), {tokens, kCols})),
                    w.view(), TensorView<float, 2>(y.data(), {tokens, kRows}), pool);
    for (std::size_t m = 0; m < tokens; ++m) {
      const std::span<const float> g_m(g.data() + m * kRows, kRows);
      const std::span<const float> x_m(x.data() + m * kCols, kCols);
      const double left = reference::dot({y.data() + m * kRows, kRows}, g_m).value;
      const double right = reference::dot({dx.data() + m * kCols, kCols}, x_m).value;
      double magnitude = 0.0;
      for (std::size_t k = 0; k < kCols; ++k) {
        magnitude += std::abs(x_m[k]) * reference::dot(w.column(k), g_m).magnitude;
      }
      EXPECT_NEAR(left, right, bound * magnitude) << m;
    }
  };
  for (const std::size_t tokens : {1, 4, 25}) {
    for (const DType type : kPlain) {
      check(type, tokens, false);
      check(type, tokens, true);
    }
    for (const DType type : block_types()) check(type, tokens, false);
  }
}

TEST_P(LinearVjp, IsExactToTheErrorOfItsBlocks) {
  const double bound = sum_order().fused ? 4e-7 : 6e-7;
  for (const std::size_t rows : {768, 8192}) {
    const Stored w(DType::kBF16, rows, 33, 0, 1);
    const std::vector<float> g = numbers(2 * rows, 2);
    const std::vector<float> dx = vjp(g, 2, w.view());
    for (std::size_t m = 0; m < 2; ++m) {
      for (std::size_t k = 0; k < 33; ++k) {
        const reference::Dot exact = reference::dot(w.column(k), {g.data() + m * rows, rows});
        EXPECT_NEAR(dx[m * 33 + k], exact.value, bound * exact.magnitude);
      }
    }
  }
}

TEST_P(LinearVjp, DependsNeitherOnTokensNorOnThreads) {
  const auto check = [](DType type, bool transposed) {
    SCOPED_TRACE(testing::Message() << dtype_info(type).name << " " << transposed);
    constexpr std::size_t kTokens = 29, kRows = 300, kCols = 1280;
    const Stored w(type, kRows, kCols, 6, 11, transposed);
    const std::vector<float> g = numbers(kTokens * kRows, 5);
    const std::vector<float> all = vjp(g, kTokens, w.view());
    for (const int threads : {2, 8}) {
      EXPECT_TRUE(same_bits(vjp(g, kTokens, w.view(), threads), all)) << threads;
    }
    for (const std::size_t size : {1, 2, 3, 4, 7, 24}) {
      std::vector<float> parts;
      for (std::size_t m = 0; m < kTokens; m += size) {
        const std::size_t count = std::min(size, kTokens - m);
        const std::span<const float> some(g.data() + m * kRows, count * kRows);
        const std::vector<float> dx = vjp(some, count, w.view(), 2);
        parts.insert(parts.end(), dx.begin(), dx.end());
      }
      EXPECT_TRUE(same_bits(parts, all)) << size;
    }
  };
  for (const DType type : kPlain) {
    check(type, false);
    check(type, true);
  }
  for (const DType type : {DType::kQ8_0, DType::kQ4_K, DType::kQ6_K}) check(type, false);
}

TEST_P(LinearVjp, TakesManyTokensInBlocksOfTheSameBits) {
  constexpr std::size_t kTokens = 520;
  const Stored w(DType::kBF16, 40, 70, 0, 1);
  const std::vector<float> g = numbers(kTokens * 40, 3);
  const std::vector<float> all = vjp(g, kTokens, w.view(), 2);
  for (const std::size_t m : {std::size_t{0}, std::size_t{255}, std::size_t{256}, kTokens - 1}) {
    const std::vector<float> one = vjp({g.data() + m * 40, 40}, 1, w.view());
    EXPECT_TRUE(same_bits(one, {all.data() + m * 70, 70})) << m;
  }
}

TEST_P(LinearVjp, GivesQuantisedWeightsTheBitsOfTheirF32Values) {
  for (const DType type : block_types()) {
    constexpr std::size_t kRows = 70, kCols = 768;
    const Stored w(type, kRows, kCols, 0, 3);
    std::vector<float> values(kRows * kCols);
    for (std::size_t n = 0; n < kRows; ++n)
      kernels::dequantize_row(w.view(), n, {values.data() + n * kCols, kCols});
    const WeightView wide{reinterpret_cast<const std::byte*>(values.data()), DType::kF32, kRows,
                          kCols, kCols * 4};
    for (const std::size_t tokens : {1, 2, 5, 25}) {
      const std::vector<float> g = numbers(tokens * kRows, tokens);
      EXPECT_TRUE(same_bits(vjp(g, tokens, w.view()), vjp(g, tokens, wide)))
          << dtype_info(type).name;
    }
  }
}

TEST_P(LinearVjp, KeepsNanAndInfinityToTheirTokenAndTheirColumn) {
  const Stored w(DType::kF32, 33, 20, 0, 2);
  std::vector<float> g = numbers(26 * 33, 8);
  const std::vector<float> before = vjp(g, 26, w.view());
  g[2 * 33 + 32] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> after = vjp(g, 26, w.view());
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (i / 20 == 2) {
      EXPECT_TRUE(std::isnan(after[i])) << i;
    } else {
      EXPECT_EQ(after[i], before[i]) << i;
    }
  }
}

TEST_P(LinearVjp, ReadsAColumnSliceOfAWiderMatrix) {
  const Stored wide(DType::kF32, 9, 100, 0, 2);
  WeightView slice = wide.view();
  slice.data += 4 * 30;
  slice.cols = 37;
  for (const std::size_t tokens : {5, 25}) {
    const std::vector<float> g = numbers(tokens * 9, 8);
    const std::vector<float> all = vjp(g, tokens, wide.view());
    const std::vector<float> part = vjp(g, tokens, slice);
    for (std::size_t m = 0; m < tokens; ++m) {
      EXPECT_TRUE(same_bits({part.data() + m * 37, 37}, {all.data() + m * 100 + 30, 37}));
    }
  }
}

TEST(LinearVjpOfTheDevice, IsTheKernel) {
  const Stored w(DType::kBF16, 40, 70, 0, 1);
  const std::vector<float> g = numbers(3 * 40, 3);
  ThreadPool pool(2);
  std::vector<float> dx(3 * 70);
  make_cpu_device(pool)->linear_vjp({g.data(), {3, 40}}, w.view(), {dx.data(), {3, 70}});
  EXPECT_TRUE(same_bits(dx, vjp(g, 3, w.view())));
}

CUTAWAY_ON_EVERY_TARGET(LinearVjp);

}  // namespace
}  // namespace cutaway
