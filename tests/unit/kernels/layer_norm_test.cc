// LayerNorm and its phases.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "kernels/elementwise.h"
#include "reference/elementwise.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

using LayerNorm = EveryTarget;

const std::vector<std::size_t> kSizes{1,  2,  3,  7,  8,  9,   15,  16,  17,
                                      31, 32, 33, 63, 65, 100, 768, 4097};

TEST_P(LayerNorm, AgreesWithItsDefinition) {
  for (const std::size_t n : kSizes) {
    reference::Random random(n);
    std::vector<float> x = random.normals(2 * n, 3.0);
    for (float& v : x) v += 5.0F;  // a mean that matters
    const std::vector<float> weight = random.normals(n);
    const std::vector<float> bias = random.normals(n);
    std::vector<float> y(2 * n);
    kernels::layer_norm({x.data(), {2, n}}, weight, bias, 1e-5F,
                        TensorView<float, 2>(y.data(), {2, n}));
    for (std::size_t m = 0; m < 2; ++m) {
      const std::span<const float> row(x.data() + m * n, n);
      const std::vector<double> exact = reference::layer_norm(row, weight, bias, 1e-5);
      // The mean is rounded (values up to 20, half a unit 1e-6, less over the sums' lanes), which
      // moves a centred value by as much; then it is divided by the deviation, here 3, or for a
      // short row as little as the square root of eps.
      double deviation = 0.0;
      const double mean = reference::mean(row);
      for (const float v : row) deviation += (v - mean) * (v - mean);
      deviation = std::sqrt(deviation / static_cast<double>(n) + 1e-5);
      for (std::size_t i = 0; i < n; ++i) {
        const double moved = 2e-6 / deviation * std::abs(weight[i]);
        ASSERT_NEAR(y[m * n + i], exact[i], moved + 4e-7 * (std::abs(exact[i]) + std::abs(bias[i])))
            << n;
      }
    }
  }
}

TEST_P(LayerNorm, HasTheBitsOfItsPhases) {
  for (const std::size_t n : kSizes) {
    reference::Random random(n);
    const std::vector<float> x = random.normals(3 * (n + 2));
    const std::vector<float> weight = random.normals(n);
    const std::vector<float> bias = random.normals(n);
    const TensorView<const float, 2> rows(x.data() + 1, {3, n}, {n + 2, 1});  // unaligned, strided
    for (const bool has_weight : {true, false}) {
      for (const bool has_bias : {true, false}) {
        const std::span<const float> w = has_weight ? weight : std::span<const float>();
        const std::span<const float> b = has_bias ? bias : std::span<const float>();
        std::vector<float> fused(3 * n);
        kernels::layer_norm(rows, w, b, 1e-6F, TensorView<float, 2>(fused.data(), {3, n}));

        std::vector<float> y(3 * n);
        const TensorView<float, 2> out(y.data(), {3, n});
        std::vector<float> scale(3);
        kernels::center_rows(rows, out);
        kernels::rms_scale(out, 1e-6F, scale);
        kernels::divide_rows(out, scale, out);
        if (has_weight) kernels::multiply_columns(out, w, out);
        if (has_bias) kernels::add_to_rows(b, out);
        ASSERT_EQ(fused, y) << n;
      }
    }
  }
}

TEST_P(LayerNorm, MayWorkInPlaceAndOneRowAtATime) {
  for (const std::size_t n : kSizes) {
    reference::Random random(n);
    const std::vector<float> x = random.normals(4 * n);
    const std::vector<float> weight = random.normals(n);
    std::vector<float> y(4 * n);
    kernels::layer_norm({x.data(), {4, n}}, weight, weight, 1e-6F,
                        TensorView<float, 2>(y.data(), {4, n}));
    std::vector<float> in_place = x;
    for (std::size_t m = 0; m < 4; ++m) {
      const TensorView<float, 2> row(in_place.data() + m * n, {1, n});
      kernels::layer_norm(row, weight, weight, 1e-6F, row);
    }
    ASSERT_EQ(in_place, y);
    std::vector<float> centred(4 * n);
    kernels::center_rows({x.data(), {4, n}}, TensorView<float, 2>(centred.data(), {4, n}));
    in_place = x;
    const TensorView<float, 2> rows(in_place.data(), {4, n});
    kernels::center_rows(rows, rows);
    ASSERT_EQ(in_place, centred);
  }
}

TEST_P(LayerNorm, CentresRowsOnTheirMean) {
  for (const std::size_t n : kSizes) {
    std::vector<float> x = reference::Random(n).normals(n);
    std::vector<float> y(n);
    kernels::center_rows({x.data(), {1, n}}, TensorView<float, 2>(y.data(), {1, n}));
    const double mean = reference::mean(x);
    // The values are up to 6; a sum of 4097 of them in 32 lanes.
    for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], x[i] - mean, 1e-6) << n;
  }
}

TEST_P(LayerNorm, OfEqualValuesIsTheBias) {
  // Powers of two: the mean is exact.
  const std::vector<float> x(64, 0.25F);
  const std::vector<float> weight(64, 3.0F);
  const std::vector<float> bias(64, -1.5F);
  std::vector<float> y(64);
  kernels::layer_norm({x.data(), {1, 64}}, weight, bias, 1e-5F,
                      TensorView<float, 2>(y.data(), {1, 64}));
  EXPECT_EQ(y, bias);
}

TEST_P(LayerNorm, DoesNothingToEmptyRowsAndKeepsNanToItsRow) {
  kernels::layer_norm({nullptr, {2, 0}}, {}, {}, 1e-5F, TensorView<float, 2>(nullptr, {2, 0}));
  kernels::layer_norm({nullptr, {0, 8}}, {}, {}, 1e-5F, TensorView<float, 2>(nullptr, {0, 8}));
  std::vector<float> x = reference::Random(1).normals(3 * 40);
  x[40 + 39] = std::numeric_limits<float>::quiet_NaN();
  const TensorView<float, 2> rows(x.data(), {3, 40});
  kernels::layer_norm(rows, {}, {}, 1e-5F, rows);
  for (std::size_t m = 0; m < 3; ++m) {
    for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(std::isnan(rows(m, i)), m == 1);
  }
}

CUTAWAY_ON_EVERY_TARGET(LayerNorm);

}  // namespace
}  // namespace cutaway
