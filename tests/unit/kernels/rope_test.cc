// Rotary positions, both ways of choosing the pairs.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/elementwise.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

using Rope = EveryTarget;

TEST_P(Rope, TurnsEveryPair) {
  for (const std::size_t half : {1, 3, 4, 8, 15, 16, 17, 32, 64}) {
    reference::Random random(half);
    const std::vector<float> before = random.normals(3 * 2 * 2 * half);
    std::vector<float> cos(3 * half);
    std::vector<float> sin(3 * half);
    for (std::size_t i = 0; i < cos.size(); ++i) {
      const double angle = 6.28 * random.unit();
      cos[i] = static_cast<float>(std::cos(angle));
      sin[i] = static_cast<float>(std::sin(angle));
    }
    std::vector<float> x = before;
    kernels::rope(TensorView<float, 3>(x.data(), {3, 2, 2 * half}), {cos.data(), {3, half}},
                  {sin.data(), {3, half}});
    for (std::size_t p = 0; p < 3; ++p) {
      for (std::size_t h = 0; h < 2; ++h) {
        const std::size_t at = (p * 2 + h) * 2 * half;
        for (std::size_t i = 0; i < half; ++i) {
          const double a = before[at + i];
          const double b = before[at + half + i];
          const double c = cos[p * half + i];
          const double s = sin[p * half + i];
          EXPECT_NEAR(x[at + i], a * c - b * s, 2e-7 * (std::abs(a) + std::abs(b)));
          EXPECT_NEAR(x[at + half + i], b * c + a * s, 2e-7 * (std::abs(a) + std::abs(b)));
        }
      }
    }
  }
}

TEST_P(Rope, ByZeroChangesNothing) {
  std::vector<float> x = reference::Random(2).normals(2 * 24);
  const std::vector<float> before = x;
  const std::vector<float> cos(12, 1.0F);
  const std::vector<float> sin(12, 0.0F);
  kernels::rope(TensorView<float, 3>(x.data(), {1, 2, 24}), {cos.data(), {1, 12}},
                {sin.data(), {1, 12}});
  EXPECT_EQ(x, before);
}

struct Angles {
  Angles(std::size_t positions, std::size_t half) : cos(positions * half), sin(positions * half) {
    reference::Random random(half);
    for (std::size_t i = 0; i < cos.size(); ++i) {
      const double angle = 6.28 * random.unit();
      cos[i] = static_cast<float>(std::cos(angle));
      sin[i] = static_cast<float>(std::sin(angle));
    }
  }
  std::vector<float> cos;
  std::vector<float> sin;
};

TEST_P(Rope, OfNeighboursHasTheBitsOfRopeOfHalves) {
  for (const std::size_t half : {1, 3, 4, 7, 8, 15, 16, 17, 32, 64}) {
    constexpr std::size_t kPositions = 3;
    constexpr std::size_t kHeads = 2;
    const std::size_t d = 2 * half;
    const Angles angles(kPositions, half);
    const TensorView<const float, 2> cos(angles.cos.data(), {kPositions, half});
    const TensorView<const float, 2> sin(angles.sin.data(), {kPositions, half});
    std::vector<float> pairs = reference::Random(half).normals(kPositions * kHeads * d);
    std::vector<float> halves(pairs.size());
    for (std::size_t row = 0; row < kPositions * kHeads; ++row) {
      for (std::size_t i = 0; i < d; ++i) {
        halves[row * d + i % 2 * half + i / 2] = pairs[row * d + i];
      }
    }
    kernels::rope_pairs(TensorView<float, 3>(pairs.data(), {kPositions, kHeads, d}), cos, sin);
    kernels::rope(TensorView<float, 3>(halves.data(), {kPositions, kHeads, d}), cos, sin);
    for (std::size_t row = 0; row < kPositions * kHeads; ++row) {
      for (std::size_t i = 0; i < d; ++i) {
        ASSERT_EQ(pairs[row * d + i], halves[row * d + i % 2 * half + i / 2]) << half << " " << i;
      }
    }
  }
}

TEST_P(Rope, OfAPartLeavesTheRestOfEveryHead) {
  constexpr std::size_t kPositions = 3;
  constexpr std::size_t kHeads = 2;
  constexpr std::size_t kHead = 80;
  for (const std::size_t part : {2, 20, 32, 78}) {
    const Angles angles(kPositions, part / 2);
    const TensorView<const float, 2> cos(angles.cos.data(), {kPositions, part / 2});
    const TensorView<const float, 2> sin(angles.sin.data(), {kPositions, part / 2});
    for (auto* rotate : {&kernels::rope, &kernels::rope_pairs}) {
      const std::vector<float> before =
          reference::Random(part).normals(kPositions * kHeads * kHead);
      std::vector<float> x = before;
      rotate(TensorView<float, 3>(x.data(), {kPositions, kHeads, part}, {kHeads * kHead, kHead, 1}),
             cos, sin);
      // The same numbers in heads of the part's own width.
      std::vector<float> dense;
      for (std::size_t row = 0; row < kPositions * kHeads; ++row) {
        for (std::size_t i = 0; i < part; ++i) dense.push_back(before[row * kHead + i]);
      }
      rotate(TensorView<float, 3>(dense.data(), {kPositions, kHeads, part}), cos, sin);
      for (std::size_t row = 0; row < kPositions * kHeads; ++row) {
        for (std::size_t i = 0; i < kHead; ++i) {
          const std::size_t at = row * kHead + i;
          ASSERT_EQ(x[at], i < part ? dense[row * part + i] : before[at]) << part << " " << i;
        }
      }
    }
  }
}

CUTAWAY_ON_EVERY_TARGET(Rope);

}  // namespace
}  // namespace cutaway
