#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "reference/elementwise.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const std::vector<std::size_t> kSizes{0,  1,  2,  3,  4,  5,  7,  8,   9,    15,  16,
                                      17, 31, 32, 33, 63, 64, 65, 100, 1000, 2048};

using Elementwise = EveryTarget;

TEST_P(Elementwise, DoesPlainArithmeticOnEverySize) {
  for (const std::size_t n : kSizes) {
    reference::Random random(n);
    // One float off the vector alignment, with one behind that must not change.
    const std::vector<float> x = random.normals(n + 2);
    const std::vector<float> y = random.normals(n + 2);
    const std::span<const float> in(x.data() + 1, n);
    const auto apply = [&](const auto& kernel, const auto& definition, double ulps) {
      std::vector<float> out = y;
      kernel(std::span<float>(out.data() + 1, n));
      for (std::size_t i = 1; i <= n; ++i) {
        const double exact = definition(static_cast<double>(x[i]), static_cast<double>(y[i]));
        // A sum of a rounded product errs by the product's half unit, which may cancel.
        ASSERT_NEAR(out[i], exact,
                    ulps * 0x1p-24 * (std::abs(x[i]) * 2.5 + std::abs(y[i]) + 1e-30));
      }
      ASSERT_EQ(out[0], y[0]);
      ASSERT_EQ(out[n + 1], y[n + 1]);
    };
    apply([&](auto out) { kernels::add(in, out); }, [](double a, double b) { return a + b; }, 1);
    apply([&](auto out) { kernels::scale(-1.5F, out); }, [](double, double b) { return -1.5 * b; },
          2);
    apply([&](auto out) { kernels::add_scaled(in, 2.5F, out); },
          [](double a, double b) { return b + 2.5 * a; }, 2);
    std::vector<float> product = y;
    kernels::multiply(in, {product.data() + 1, n});
    for (std::size_t i = 1; i <= n; ++i) ASSERT_EQ(product[i], x[i] * y[i]);
  }
}

TEST_P(Elementwise, AddsABiasToEveryRowOfAStridedMatrix) {
  std::vector<float> y(3 * 30, 1.0F);
  const std::vector<float> bias = reference::Random(1).normals(20);
  kernels::add_to_rows(bias, TensorView<float, 2>(y.data(), {3, 20}, {30, 1}));
  for (std::size_t m = 0; m < 3; ++m) {
    for (std::size_t i = 0; i < 30; ++i) {
      EXPECT_EQ(y[m * 30 + i], i < 20 ? 1.0F + bias[i] : 1.0F);
    }
  }
}

// Floats of both signs, evenly over [-50, 50] and over all exponents.
std::vector<float> sweep() {
  std::vector<float> x;
  for (int i = -200000; i <= 200000; ++i) x.push_back(static_cast<float>(i) * 2.5e-4F);
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 20011) {
    const float v = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isfinite(v)) x.push_back(v);
  }
  return x;
}

TEST_P(Elementwise, SiluIsWithinItsBound) {
  const std::vector<float> x = sweep();
  std::vector<float> y(x.size());
  kernels::silu(x, y);
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Below, exp(-x) is infinite in f32 and the result -0.
    if (x[i] < -88.7F) {
      ASSERT_NEAR(y[i], reference::silu(x[i]), 3e-37);
      continue;
    }
    worst = std::max(worst, reference::ulps(y[i], reference::silu(x[i])));
  }
  EXPECT_LE(worst, 2.5);
}

// 5e-7 of the value where that is more: above 8 a float's own half unit is larger.
// The tail's relative error is the rounding of the exponential's argument, at most 70.
void expect_gelu(double (*definition)(double),
                 void (*kernel)(std::span<const float>, std::span<float>) noexcept,
                 double relative) {
  const std::vector<float> x = sweep();
  std::vector<float> y(x.size());
  kernel(x, y);
  double worst = 0.0;
  double worst_relative = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = definition(x[i]);
    const double error = std::abs(static_cast<double>(y[i]) - exact);
    worst = std::max(worst, error / std::max(1.0, std::abs(exact)));
    if (std::abs(exact) > 1e-30) worst_relative = std::max(worst_relative, error / std::abs(exact));
    ASSERT_TRUE(std::isfinite(y[i])) << x[i];
  }
  EXPECT_LE(worst, 5e-7);
  EXPECT_LE(worst_relative, relative);
}

TEST_P(Elementwise, GeluIsWithinItsBound) {
  expect_gelu(reference::gelu, kernels::gelu, sum_order().fused ? 1e-6 : 1e-5);
}
TEST_P(Elementwise, GeluTanhIsWithinItsBound) {
  expect_gelu(reference::gelu_tanh, kernels::gelu_tanh, sum_order().fused ? 1e-5 : 2e-5);
}

TEST_P(Elementwise, ActivationsKnowTheirSpecialValues) {
  const std::vector<float> x{0.0F, -0.0F, kInfinity, -kInfinity, kNan, 3e38F, -3e38F, 1e-42F};
  for (auto* kernel : {&kernels::silu, &kernels::gelu, &kernels::gelu_tanh}) {
    std::vector<float> y(x.size());
    kernel(x, y);
    EXPECT_TRUE(y[0] == 0.0F && !std::signbit(y[0]));
    EXPECT_TRUE(y[1] == 0.0F && std::signbit(y[1]));
    EXPECT_EQ(y[2], kInfinity);
    EXPECT_TRUE(std::isnan(y[3]));  // -inf · 0, as in the definition
    EXPECT_TRUE(std::isnan(y[4]));
    EXPECT_EQ(y[5], 3e38F);
    EXPECT_EQ(y[6], 0.0F);
    EXPECT_NEAR(y[7], 5e-43F, 2e-45F);
  }
}

TEST_P(Elementwise, ActivationsMayWorkInPlaceAndOnEverySize) {
  for (const std::size_t n : kSizes) {
    const std::vector<float> x = reference::Random(n).normals(n, 3.0);
    for (auto* kernel : {&kernels::silu, &kernels::gelu, &kernels::gelu_tanh}) {
      std::vector<float> out(n);
      kernel(x, out);
      std::vector<float> in_place = x;
      kernel(in_place, in_place);
      EXPECT_EQ(out, in_place);
      // The tail has the bits that it would have inside a vector.
      std::vector<float> longer = x;
      longer.resize(n + 64, 1.0F);
      kernel(longer, longer);
      longer.resize(n);
      EXPECT_EQ(longer, out);
    }
  }
}

TEST_P(Elementwise, ReluKeepsWhatIsNotBelowZero) {
  for (const std::size_t n : kSizes) {
    const std::vector<float> x = reference::Random(n).normals(n);
    std::vector<float> y(n);
    kernels::relu(x, y);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], x[i] > 0.0F ? x[i] : 0.0F);
    std::vector<float> in_place = x;
    kernels::relu(in_place, in_place);
    EXPECT_EQ(in_place, y);
  }
  const std::vector<float> special{0.0F, kInfinity, -kInfinity, kNan, -3e38F, -1e-42F, 1e-42F};
  std::vector<float> y(special.size());
  kernels::relu(special, y);
  EXPECT_EQ(y[1], kInfinity);
  EXPECT_TRUE(std::isnan(y[3]));
  EXPECT_EQ(y[6], 1e-42F);
  for (const std::size_t i : {0, 2, 4, 5}) EXPECT_TRUE(y[i] == 0.0F && !std::signbit(y[i])) << i;
}

TEST_P(Elementwise, SoftcapIsAsExactAsTanh) {
  for (const float cap : {1.0F, 30.0F, 50.0F}) {
    const std::vector<float> x = sweep();
    std::vector<float> y = x;
    kernels::softcap(cap, y);
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      // The quotient and the product round too; below 1e-36 the quotient is subnormal.
      if (cap > 1 && std::abs(x[i]) < 1e-36F) continue;
      worst = std::max(worst, reference::ulps(y[i], reference::softcap(cap, x[i])));
    }
    EXPECT_LE(worst, (cap == 1 ? 1.3 : 3.0) + (sum_order().fused ? 0 : 0.5)) << cap;
  }
  std::vector<float> special{kInfinity, -kInfinity, kNan, -0.0F};
  kernels::softcap(30.0F, special);
  EXPECT_EQ(special[0], 30.0F);
  EXPECT_EQ(special[1], -30.0F);
  EXPECT_TRUE(std::isnan(special[2]));
  EXPECT_TRUE(special[3] == 0.0F && std::signbit(special[3]));
}

TEST_P(Elementwise, SoftmaxAgreesWithItsDefinition) {
  for (const std::size_t n : kSizes) {
    std::vector<float> x(n);
    reference::Random random(n);
    // Multiples of 1/256 up to 16: the difference to the maximum is exact, so what is left is the
    // kernel's own error.
    for (float& v : x) v = static_cast<float>(static_cast<int>(random.bits() % 4096)) / 256.0F;
    std::vector<float> y = x;
    kernels::softmax(y);
    const std::vector<double> exact = reference::softmax(x);
    double worst = 0.0;
    for (std::size_t i = 0; i < n; ++i) worst = std::max(worst, reference::ulps(y[i], exact[i]));
    EXPECT_LE(worst, sum_order().fused ? 3.0 : 3.3) << n;
  }
}

TEST_P(Elementwise, SoftmaxKnowsItsSpecialValues) {
  for (const std::size_t n : {3, 20, 40}) {
    std::vector<float> y(n, -kInfinity);
    kernels::softmax(y);
    EXPECT_EQ(y, std::vector<float>(n, 0.0F));

    std::vector<float> one(n, -kInfinity);
    one[n - 1] = -5.0F;
    kernels::softmax(one);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(one[i], i + 1 == n ? 1.0F : 0.0F);

    for (const float bad : {kNan, kInfinity}) {
      for (const float rest : {1.0F, -kInfinity}) {
        std::vector<float> row(n, rest);
        row[n / 2] = bad;
        kernels::softmax(row);
        for (const float v : row) EXPECT_TRUE(std::isnan(v)) << bad << " " << rest;
      }
    }
  }
  // Values far apart, and a huge maximum.
  std::vector<float> far{3e38F, -3e38F, 3e38F};
  kernels::softmax(far);
  EXPECT_EQ(far, (std::vector<float>{0.5F, 0.0F, 0.5F}));
}

TEST_P(Elementwise, SoftmaxOfAMaskedRowHasTheBitsOfTheUnmaskedPart) {
  for (const std::size_t n : kSizes) {
    std::vector<float> y = reference::Random(n).normals(n, 4.0);
    std::vector<float> longer = y;
    longer.resize(n + 37, -kInfinity);
    kernels::softmax(y);
    kernels::softmax(longer);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(longer[i], y[i]);
    for (std::size_t i = n; i < longer.size(); ++i) ASSERT_EQ(longer[i], 0.0F);
  }
}

CUTAWAY_ON_EVERY_TARGET(Elementwise);

}  // namespace
}  // namespace cutaway
