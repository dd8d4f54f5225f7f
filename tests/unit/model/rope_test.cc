#include "model/rope.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/elementwise.h"

namespace cutaway {
namespace {

TEST(Rope, FrequenciesAreThePowersOfTheta) {
  const auto f = rope_frequencies({.dims = 8, .theta = 10000.0}, 1);
  ASSERT_EQ(f.size(), 4U);
  EXPECT_FLOAT_EQ(f[0], 1.0F);
  EXPECT_FLOAT_EQ(f[1], 0.1F);
  EXPECT_FLOAT_EQ(f[3], 0.001F);
}

TEST(Rope, LinearScalingDividesByTheFactor) {
  const auto plain = rope_frequencies({.dims = 8}, 1),
             scaled =
                 rope_frequencies({.dims = 8, .scaling = RopeScaling::kLinear, .factor = 4.0}, 1);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(scaled[i], plain[i] / 4.0F);
}

TEST(Rope, Llama3ScalesLongWavelengthsOnly) {
  // Llama 3.2 1B's numbers; the limits follow from its config: wavelengths below 2048 stay, above
  // 8192 are divided by 32.
  const RopeConfig rope{.dims = 64,
                        .theta = 500000.0,
                        .scaling = RopeScaling::kLlama3,
                        .factor = 32.0,
                        .low_freq_factor = 1.0,
                        .high_freq_factor = 4.0,
                        .original_n_ctx = 8192};
  const auto plain = rope_frequencies({.dims = 64, .theta = 500000.0}, 1),
             scaled = rope_frequencies(rope, 1);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2.0 * M_PI / static_cast<double>(plain[i]);
    if (wavelength < 2048) {
      EXPECT_EQ(scaled[i], plain[i]);
    } else if (wavelength > 8192) {
      EXPECT_FLOAT_EQ(scaled[i], plain[i] / 32.0F);
    } else {
      EXPECT_LT(scaled[i], plain[i]);
      EXPECT_GT(scaled[i], plain[i] / 32.0F);
    }
  }
}

TEST(Rope, RotatingByZeroPositionsChangesNothing) {
  const RopeSpan zero[] = {{.first = 0, .count = 1, .length = 1}};
  const auto tables = rope_tables({.dims = 6}, zero);
  Tensor x({1, 2, 6}, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const Tensor before = x;
  kernels::rope(x.view<3>(), tables.cos.view<2>(), tables.sin.view<2>());
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x.data()[i], before.data()[i]);
}

TEST(Rope, ProductsDependOnTheDistanceAlone) {
  const auto dot_at = [&](std::size_t p, std::size_t q) {
    Tensor x({2, 1, 8},
             std::vector<float>{1, -2, 3, 0.5F, 2, 1, -1, 4, 0.3F, 1, 2, -3, 1, 1, 2, 0.7F});
    const RopeSpan spans[] = {{.first = p, .count = 1, .length = p + 1},
                              {.first = q, .count = 1, .length = q + 1}};
    const auto tables = rope_tables({.dims = 8}, spans);
    kernels::rope(x.view<3>(), tables.cos.view<2>(), tables.sin.view<2>());
    double sum = 0.0;
    for (std::size_t i = 0; i < 8; ++i)
      sum += static_cast<double>(x.data()[i]) * static_cast<double>(x.data()[8 + i]);
    return sum;
  };
  EXPECT_NEAR(dot_at(3, 7), dot_at(50, 54), 1e-4);
  EXPECT_GT(std::abs(dot_at(3, 7) - dot_at(3, 8)), 1e-2);
}

}  // namespace
}  // namespace cutaway
