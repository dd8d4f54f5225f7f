// The vector functions themselves: exp and tanh have no kernel of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "reference/elementwise.h"
#include "unit/kernels/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unit/kernels/simd_math_test.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cutaway::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace math = kernels::HWY_NAMESPACE::math;

void Exp(float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += math::kLanes) {
    hn::StoreU(math::exp(hn::LoadU(math::D(), x + i)), math::D(), x + i);
  }
}
void Tanh(float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; i += math::kLanes) {
    hn::StoreU(math::tanh(hn::LoadU(math::D(), x + i)), math::D(), x + i);
  }
}

}  // namespace cutaway::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway {
HWY_EXPORT(Exp);
HWY_EXPORT(Tanh);

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Every 1021st float of both signs, infinities and NaN among them: 4.2 million.
template <typename Function, typename Definition>
double worst_ulps(const Function& function, const Definition& definition) {
  constexpr std::uint64_t kStep = 1021;
  constexpr std::size_t kBatch = 4096;
  double worst = 0.0;
  float worst_at = 0.0F;
  std::vector<float> x(kBatch);
  std::vector<float> y(kBatch);
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += kStep * kBatch) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits + i * kStep));
    }
    y = x;
    function(y.data(), kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) {
      const double distance = reference::ulps(y[i], definition(static_cast<double>(x[i])));
      if (distance > worst) {
        worst = distance;
        worst_at = x[i];
      }
    }
  }
  testing::Test::RecordProperty("worst_ulps", std::to_string(worst));
  EXPECT_TRUE(std::isfinite(worst)) << "at " << worst_at;
  return worst;
}

using SimdMath = EveryTarget;

TEST_P(SimdMath, ExpIsWithinItsBoundEverywhere) {
  const double bound = sum_order().fused ? 1.2 : 1.5;
  EXPECT_LE(worst_ulps(
                [](float* x, std::size_t n) {
                  HWY_DYNAMIC_DISPATCH(Exp)
                  (x, n);
                },
                [](double x) { return std::exp(x); }),
            bound);
}

TEST_P(SimdMath, TanhIsWithinItsBoundEverywhere) {
  const double bound = sum_order().fused ? 1.3 : 1.6;
  EXPECT_LE(worst_ulps(
                [](float* x, std::size_t n) {
                  HWY_DYNAMIC_DISPATCH(Tanh)
                  (x, n);
                },
                [](double x) { return std::tanh(x); }),
            bound);
}

TEST_P(SimdMath, ExpAndTanhKnowTheirSpecialValues) {
  std::vector<float> x(16, 0.0F);
  x[0] = -0.0F;
  x[1] = kInfinity;
  x[2] = -kInfinity;
  x[3] = std::numeric_limits<float>::quiet_NaN();
  x[4] = 89.0F;
  x[5] = -104.0F;
  std::vector<float> y = x;
  HWY_DYNAMIC_DISPATCH(Exp)(y.data(), y.size());
  EXPECT_EQ(y[0], 1.0F);
  EXPECT_EQ(y[1], kInfinity);
  EXPECT_EQ(y[2], 0.0F);
  EXPECT_TRUE(std::isnan(y[3]));
  EXPECT_EQ(y[4], kInfinity);
  EXPECT_EQ(y[5], 0.0F);
  EXPECT_EQ(y[6], 1.0F);
  y = x;
  HWY_DYNAMIC_DISPATCH(Tanh)(y.data(), y.size());
  EXPECT_TRUE(y[0] == 0.0F && std::signbit(y[0]));
  EXPECT_EQ(y[1], 1.0F);
  EXPECT_EQ(y[2], -1.0F);
  EXPECT_TRUE(std::isnan(y[3]));
  EXPECT_EQ(y[4], 1.0F);
}

CUTAWAY_ON_EVERY_TARGET(SimdMath);

}  // namespace
}  // namespace cutaway
#endif
