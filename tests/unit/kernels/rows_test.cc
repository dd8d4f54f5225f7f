// RMSNorm and its phases.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/elementwise.h"
#include "reference/elementwise.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

using Rows = EveryTarget;

TEST_P(Rows, RmsScaleAgreesWithItsDefinition) {
  for (const std::size_t n : {1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 576, 2048, 4097}) {
    const std::vector<float> x = reference::Random(n).normals(2 * n, 3.0);
    std::vector<float> scale(2);
    kernels::rms_scale(TensorView<const float, 2>(x.data(), {2, n}), 1e-5F, scale);
    for (std::size_t m = 0; m < 2; ++m) {
      const double exact = reference::rms({x.data() + m * n, n}, 1e-5F);
      EXPECT_NEAR(scale[m], exact, 4e-7 * exact) << n;
    }
  }
}

TEST_P(Rows, RmsNormHasTheBitsOfItsThreePhases) {
  for (const std::size_t n : {1, 7, 16, 17, 48, 100, 1000}) {
    reference::Random random(n);
    const std::vector<float> x = random.normals(3 * (n + 2));
    const std::vector<float> weight = random.normals(n);
    const TensorView<const float, 2> rows(x.data() + 1, {3, n}, {n + 2, 1});  // unaligned, strided
    std::vector<float> fused(3 * n);
    kernels::rms_norm(rows, weight, 1e-6F, TensorView<float, 2>(fused.data(), {3, n}));

    std::vector<float> scale(3);
    kernels::rms_scale(rows, 1e-6F, scale);
    std::vector<float> y(3 * n);
    const TensorView<float, 2> out(y.data(), {3, n});
    kernels::divide_rows(rows, scale, out);
    for (std::size_t m = 0; m < 3; ++m) {
      for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[m * n + i], rows(m, i) / scale[m]);
    }
    kernels::multiply_columns(out, weight, out);
    EXPECT_EQ(fused, y);
  }
}

TEST_P(Rows, RmsNormOfARowDoesNotDependOnOtherRows) {
  const std::vector<float> x = reference::Random(1).normals(5 * 100);
  const std::vector<float> weight(100, 1.0F);
  std::vector<float> all(500);
  kernels::rms_norm({x.data(), {5, 100}}, weight, 1e-6F,
                    TensorView<float, 2>(all.data(), {5, 100}));
  std::vector<float> one(100);
  kernels::rms_norm({x.data() + 300, {1, 100}}, weight, 1e-6F,
                    TensorView<float, 2>(one.data(), {1, 100}));
  EXPECT_EQ(std::memcmp(one.data(), all.data() + 300, 400), 0);
}

CUTAWAY_ON_EVERY_TARGET(Rows);

}  // namespace
}  // namespace cutaway
