// argmax, top_k, log_sum_exp, all_finite.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/elementwise.h"
#include "reference/elementwise.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
using Indices = std::vector<std::size_t>;

// All indices but those of NaN, best first.
Indices sorted(const std::vector<float>& y) {
  Indices order;
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!std::isnan(y[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return y[a] > y[b]; });
  return order;
}

// Few distinct values, so that ties are many; some NaN.
std::vector<float> ties(std::size_t n, bool with_nan) {
  reference::Random random(n);
  std::vector<float> y(n);
  for (float& v : y) {
    const auto draw = static_cast<int>(random.bits() % 23);
    v = with_nan && draw == 0 ? kNan : static_cast<float>(draw - 11);
  }
  return y;
}

using Select = EveryTarget;

TEST_P(Select, TopKIsTheHeadOfAStableSort) {
  for (const std::size_t n : {0, 1, 2, 7, 16, 17, 33, 64, 100, 1000, 5000}) {
    for (const bool with_nan : {false, true}) {
      for (const bool distinct : {false, true}) {
        const std::vector<float> y = distinct ? reference::Random(n).normals(n) : ties(n, with_nan);
        const Indices all = sorted(y);
        for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{10},
                                    std::size_t{64}, n, n + 5}) {
          Indices out{99};
          kernels::top_k(y, k, out);
          const auto count = static_cast<std::ptrdiff_t>(std::min(k, all.size()));
          ASSERT_EQ(out, Indices(all.begin(), all.begin() + count)) << n << " " << k;
        }
      }
    }
  }
}

TEST_P(Select, TopKTakesInfinitiesAndTheirTies) {
  std::vector<float> y(40, -kInfinity);
  y[30] = kInfinity;
  y[7] = kInfinity;
  y[8] = kNan;
  y[20] = 0.0F;
  y[21] = -0.0F;
  Indices out;
  kernels::top_k(y, 6, out);
  EXPECT_EQ(out, (Indices{7, 30, 20, 21, 0, 1}));
}

TEST_P(Select, ArgmaxIsTheFirstOfTheLargest) {
  for (const std::size_t n : {1, 2, 15, 16, 17, 40, 1000}) {
    for (const bool with_nan : {false, true}) {
      const std::vector<float> y = ties(n, with_nan);
      const Indices all = sorted(y);
      EXPECT_EQ(kernels::argmax(y), all.empty() ? n : all[0]) << n;
    }
  }
  EXPECT_EQ(kernels::argmax({}), 0);
  EXPECT_EQ(kernels::argmax(std::vector<float>(20, kNan)), 20);
  EXPECT_EQ(kernels::argmax(std::vector<float>{kNan, -kInfinity, -kInfinity}), 1);
  EXPECT_EQ(kernels::argmax(std::vector<float>{-1.0F, kNan, kInfinity, kInfinity}), 2);
}

TEST_P(Select, LogSumExpIsExactToDouble) {
  for (const std::size_t n : {1, 2, 15, 16, 17, 100, 5000}) {
    for (const double scale : {1.0, 40.0, 1e4}) {
      const std::vector<float> y = reference::Random(n).normals(n, scale);
      const double exact = reference::log_sum_exp(y);
      // A few units of f64 of the logarithm's own size.
      EXPECT_NEAR(kernels::log_sum_exp(y), exact, 4e-15 * (1.0 + std::abs(exact))) << n;
    }
  }
}

TEST_P(Select, LogSumExpKnowsItsSpecialValues) {
  EXPECT_EQ(kernels::log_sum_exp({}), -static_cast<double>(kInfinity));
  EXPECT_EQ(kernels::log_sum_exp(std::vector<float>(20, -kInfinity)),
            -static_cast<double>(kInfinity));
  std::vector<float> y(20, 1.0F);
  y[19] = kInfinity;
  EXPECT_EQ(kernels::log_sum_exp(y), static_cast<double>(kInfinity));
  y[3] = kNan;
  EXPECT_TRUE(std::isnan(kernels::log_sum_exp(y)));
  std::vector<float> masked(20, -kInfinity);
  masked[5] = 2.0F;
  EXPECT_EQ(kernels::log_sum_exp(masked), 2.0);
}

TEST_P(Select, AllFiniteFindsOneBadValueAnywhere) {
  for (const std::size_t n : {0, 1, 16, 17, 50}) {
    std::vector<float> y(n, -std::numeric_limits<float>::max());
    EXPECT_TRUE(kernels::all_finite(y));
    for (std::size_t i = 0; i < n; ++i) {
      for (const float bad : {kNan, kInfinity, -kInfinity}) {
        y[i] = bad;
        EXPECT_FALSE(kernels::all_finite(y));
        y[i] = 1e-45F;
      }
    }
  }
}

CUTAWAY_ON_EVERY_TARGET(Select);

}  // namespace
}  // namespace cutaway
