#include "model/sampling.h"

#include <cmath>
#include <limits>
#include <map>

#include <cutaway/error.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

TEST(Sampling, GreedyTakesTheFirstOfEqualMaxima) {
  RandomStream random(0, 0);
  EXPECT_EQ(choose_token(std::vector<float>{1, 3, 3, 2}, {}, random), 1);
}

TEST(Sampling, NothingFiniteToChooseIsAnError) {
  RandomStream random(0, 0);
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  EXPECT_THROW(choose_token(std::vector<float>{1, nan}, {}, random), Error);
  EXPECT_THROW(choose_token(std::vector<float>{-inf, -inf}, {}, random), Error);
  EXPECT_THROW(choose_token(std::vector<float>{0, inf}, {}, random), Error);
}

TEST(Sampling, FrequenciesFollowTheSoftmax) {
  const std::vector<float> logits{0.0F, 1.0F, -1.0F, 2.0F};
  const GenerateOptions options{.temperature = 2.0F};
  RandomStream random(7, 0);
  constexpr int kDraws = 40000;
  std::vector<double> counts(4, 0.0);
  for (int i = 0; i < kDraws; ++i)
    counts[static_cast<std::size_t>(choose_token(logits, options, random))] += 1.0;
  double total = 0.0, chi_square = 0.0;
  for (float l : logits) total += std::exp(l / 2.0);
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = kDraws * std::exp(logits[i] / 2.0) / total;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 16.3);  // 0.1 % of the chi-square distribution with 3 degrees
}

TEST(Sampling, TopKAndTopPCutTheTail) {
  const std::vector<float> logits{3.0F, 2.9F, 0.0F, -1.0F};
  RandomStream random(1, 0);
  for (int i = 0; i < 500; ++i) {
    EXPECT_LT(choose_token(logits, {.temperature = 1.0F, .top_k = 2}, random), 2);
    EXPECT_EQ(choose_token(logits, {.temperature = 1.0F, .top_k = 1}, random), 0);
    EXPECT_LT(choose_token(logits, {.temperature = 1.0F, .top_p = 0.6F}, random), 2);
    EXPECT_EQ(choose_token(logits, {.temperature = 1.0F, .top_p = 1e-6F}, random), 0);
  }
}

TEST(Sampling, ASeedRepeatsAndStreamsDiffer) {
  RandomStream a(5, 0), b(5, 0), c(5, 1), d(6, 0);
  const double first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
  for (int i = 0; i < 1000; ++i) {
    const double x = a.next();
    EXPECT_GE(x, 0.0);
    EXPECT_LT(x, 1.0);
  }
}

TEST(Sampling, OptionsOutsideTheirRangeAreRefused) {
  EXPECT_THROW(check_sampling({.temperature = -1.0F}), ArgumentError);
  EXPECT_THROW(check_sampling({.temperature = std::nanf("")}), ArgumentError);
  EXPECT_THROW(check_sampling({.top_p = 0.0F}), ArgumentError);
  EXPECT_THROW(check_sampling({.top_p = 1.5F}), ArgumentError);
  EXPECT_NO_THROW(check_sampling({}));
}

}  // namespace
}  // namespace cutaway
