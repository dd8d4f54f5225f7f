#include "kernels/linear_transposed.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/float16.h"
#include "kernels/dequant.h"
#include "kernels/linear.h"
#include "reference/linear.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

// Wᵀ [inputs, outputs] in its stored type, at an odd address, its rows `gap` bytes apart, NaN in
// between, and nothing behind the last value.
struct Stored {
  Stored(DType type, std::size_t outputs, std::size_t inputs, std::size_t gap, std::uint64_t seed)
      : inputs_(inputs), wide_(outputs * inputs) {
    reference::Random random(seed);
    const std::size_t bytes = dtype_bytes(type, 1);
    const std::size_t row = bytes * outputs;
    bytes_.assign(inputs == 0 ? 1 : 1 + (inputs - 1) * (row + gap) + row, std::byte{0xFF});
    view_ = {bytes_.data() + 1, type, outputs, inputs, row + gap, true};
    for (std::size_t k = 0; k < inputs; ++k) {
      for (std::size_t n = 0; n < outputs; ++n) {
        std::byte* to = bytes_.data() + 1 + k * (row + gap) + n * bytes;
        const auto x = static_cast<float>(random.unit() * 4.0 - 2.0);
        float& wide = wide_[n * inputs + k];
        if (type == DType::kF32) {
          wide = x;
          std::memcpy(to, &x, bytes);
        } else if (type == DType::kF16) {
          const f16 half = to_f16(x);
          wide = to_float(half);
          std::memcpy(to, &half.bits, bytes);
        } else {
          const bf16 half = to_bf16(x);
          wide = to_float(half);
          std::memcpy(to, &half.bits, bytes);
        }
      }
    }
  }
  std::span<const float> row(std::size_t n) const { return {wide_.data() + n * inputs_, inputs_}; }
  const WeightView& view() const { return view_; }

 private:
  std::size_t inputs_;
  std::vector<std::byte> bytes_;
  WeightView view_;
  std::vector<float> wide_;
};

std::vector<float> activations(std::size_t count, std::uint64_t seed) {
  reference::Random random(seed);
  std::vector<float> x(count);
  for (float& v : x) v = static_cast<float>(random.unit() * 2.0 - 1.0);
  return x;
}

// y has `gap` floats between rows that must stay as they were.
std::vector<float> product(std::span<const float> x, std::size_t tokens, const WeightView& w,
                           int threads = 1, std::size_t gap = 3) {
  ThreadPool pool(threads);
  const std::size_t stride = w.rows + gap;
  std::vector<float> y(tokens * stride, -77.0F);
  const kernels::LinearInput input(TensorView<const float, 2>(x.data(), {tokens, w.cols}));
  kernels::linear(input, w, TensorView<float, 2>(y.data(), {tokens, w.rows}, {stride, 1}), pool);
  std::vector<float> packed;
  for (std::size_t m = 0; m < tokens; ++m) {
    for (std::size_t n = 0; n < w.rows; ++n) packed.push_back(y[m * stride + n]);
    for (std::size_t n = w.rows; n < stride; ++n) EXPECT_EQ(y[m * stride + n], -77.0F);
  }
  return packed;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

using LinearTransposed = EveryTarget;

void expect_twin(DType type, std::size_t tokens, std::size_t outputs, std::size_t inputs,
                 std::size_t gap, bool fused) {
  SCOPED_TRACE(testing::Message() << dtype_info(type).name << " " << tokens << "x" << outputs << "x"
                                  << inputs << " gap " << gap);
  const Stored w(type, outputs, inputs, gap, 7 * outputs + inputs);
  const std::vector<float> x = activations(tokens * inputs, tokens + 1);
  const std::vector<float> y = product(x, tokens, w.view());
  ASSERT_EQ(y.size(), tokens * outputs);
  for (std::size_t m = 0; m < tokens; ++m) {
    const std::span<const float> token(x.data() + m * inputs, inputs);
    for (std::size_t n = 0; n < outputs; ++n) {
      const float twin = reference::sum_in_blocks(w.row(n), token, fused);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(y[m * outputs + n]),
                std::bit_cast<std::uint32_t>(twin))
          << "token " << m << " output " << n;
    }
  }
}

TEST_P(LinearTransposed, HasTheBitsOfTheScalarTwinForEverySize) {
  const bool fused = sum_order().fused;
  for (const DType type : kTypes) {
    // Around the vectors and panels of every target.
    for (const std::size_t outputs :
         {0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 79, 80, 100, 130}) {
      for (const std::size_t tokens : {1, 2, 3, 4, 5, 24, 26}) {
        expect_twin(type, tokens, outputs, 20, outputs % 3 * 4, fused);
      }
    }
    // Around the rows of a sweep and the blocks of the sum.
    for (const std::size_t inputs : {0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 255, 256, 257, 513}) {
      for (const std::size_t tokens : {1, 2, 3, 4, 25}) {
        expect_twin(type, tokens, 37, inputs, 5, fused);
      }
    }
    for (std::size_t tokens = 0; tokens <= 37; ++tokens)
      expect_twin(type, tokens, 19, 40, 0, fused);
    // Several work units.
    expect_twin(type, 1, 4200, 9, 0, fused);
    expect_twin(type, 5, 1100, 33, 2, fused);
    expect_twin(type, 30, 1100, 33, 2, fused);
  }
}

TEST_P(LinearTransposed, IsAsExactAsTheDotKernel) {
  const double bound = sum_order().fused ? 4e-7 : 6e-7;
  for (const std::size_t inputs : {768, 3072}) {
    const Stored w(DType::kF32, 33, inputs, 0, 1);
    const std::vector<float> x = activations(2 * inputs, 2);
    const std::vector<float> y = product(x, 2, w.view());
    for (std::size_t m = 0; m < 2; ++m) {
      for (std::size_t n = 0; n < 33; ++n) {
        const reference::Dot exact = reference::dot(w.row(n), {x.data() + m * inputs, inputs});
        EXPECT_NEAR(y[m * 33 + n], exact.value, bound * exact.magnitude);
      }
    }
  }
}

TEST_P(LinearTransposed, DependsNeitherOnTokensNorOnThreads) {
  for (const DType type : kTypes) {
    constexpr std::size_t kTokens = 29;
    constexpr std::size_t kInputs = 300;
    constexpr std::size_t kOutputs = 700;
    const Stored w(type, kOutputs, kInputs, 6, 11);
    const std::vector<float> x = activations(kTokens * kInputs, 5);
    const std::vector<float> all = product(x, kTokens, w.view());
    for (const int threads : {2, 8}) {
      EXPECT_TRUE(same_bits(product(x, kTokens, w.view(), threads), all)) << threads;
    }
    for (const std::size_t size : {1, 2, 3, 4, 7, 24}) {
      std::vector<float> parts;
      for (std::size_t m = 0; m < kTokens; m += size) {
        const std::size_t count = std::min(size, kTokens - m);
        const std::span<const float> some(x.data() + m * kInputs, count * kInputs);
        const std::vector<float> y = product(some, count, w.view(), 2);
        parts.insert(parts.end(), y.begin(), y.end());
      }
      EXPECT_TRUE(same_bits(parts, all)) << dtype_info(type).name << " by " << size;
    }
  }
}

TEST_P(LinearTransposed, TakesManyTokensInBlocksOfTheSameBits) {
  constexpr std::size_t kTokens = 520;
  const Stored w(DType::kBF16, 70, 40, 0, 1);
  const std::vector<float> x = activations(kTokens * 40, 3);
  const std::vector<float> all = product(x, kTokens, w.view(), 2);
  for (const std::size_t m : {std::size_t{0}, std::size_t{255}, std::size_t{256}, kTokens - 1}) {
    const std::vector<float> one = product({x.data() + m * 40, 40}, 1, w.view());
    EXPECT_TRUE(same_bits(one, {all.data() + m * 70, 70})) << m;
  }
}

TEST_P(LinearTransposed, OfASliceOfOutputsHasTheBitsOfTheWhole) {
  for (const DType type : kTypes) {
    const Stored w(type, 90, 50, 0, 4);
    for (const std::size_t tokens : {2, 25}) {
      const std::vector<float> x = activations(tokens * 50, 5);
      const std::vector<float> all = product(x, tokens, w.view());
      for (const auto& [first, count] :
           {std::pair<std::size_t, std::size_t>{0, 30}, {30, 30}, {61, 29}, {89, 1}}) {
        const std::vector<float> part = product(x, tokens, w.view().slice_rows(first, count));
        for (std::size_t m = 0; m < tokens; ++m) {
          EXPECT_TRUE(
              same_bits({part.data() + m * count, count}, {all.data() + m * 90 + first, count}))
              << first;
        }
      }
    }
  }
}

TEST_P(LinearTransposed, KeepsNanAndInfinityToTheirRow) {
  const Stored w(DType::kF32, 20, 33, 0, 2);
  std::vector<float> x = activations(26 * 33, 8);
  const std::vector<float> before = product(x, 26, w.view());
  x[2 * 33 + 32] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> after = product(x, 26, w.view());
  for (std::size_t m = 0; m < 26; ++m) {
    for (std::size_t n = 0; n < 20; ++n) {
      if (m == 2) {
        EXPECT_TRUE(std::isnan(after[m * 20 + n]));
      } else {
        EXPECT_EQ(after[m * 20 + n], before[m * 20 + n]);
      }
    }
  }
}

TEST_P(LinearTransposed, WidensOneOutputsWeights) {
  for (const DType type : kTypes) {
    for (const std::size_t inputs : {0, 1, 17, 255, 256, 257, 1100}) {
      const Stored w(type, 5, inputs, 3, 4);
      for (std::size_t n = 0; n < 5; ++n) {
        std::vector<float> row(inputs);
        kernels::dequantize_row(w.view(), n, row);
        EXPECT_TRUE(same_bits(row, w.row(n))) << dtype_info(type).name << " " << inputs;
      }
    }
  }
}

TEST(WeightViewSlice, OfRowsOfBlocksIsWhereTheyLie) {
  const std::vector<std::byte> bytes(680);
  const WeightView w{bytes.data(), DType::kQ8_0, 10, 64, 68};
  const WeightView slice = w.slice_rows(3, 4);
  EXPECT_EQ(slice.data - w.data, 3 * 68);
  EXPECT_EQ(slice.rows, 4);
  EXPECT_EQ(slice.cols, 64);
}

CUTAWAY_ON_EVERY_TARGET(LinearTransposed);

}  // namespace
}  // namespace cutaway
