// Every hook point, the logits and the greedy continuation of every family against Hugging Face
// transformers (f32, eager).
#include <gtest/gtest.h>

#include "unit/model/golden.h"

namespace cutaway {
namespace {

using testing::Golden;
using testing::kTolerance;
using testing::relative_error;

class GoldenModel : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenModel, EveryHookPointAgrees) {
  const Golden golden = testing::load_golden(GetParam());
  const Model model = Model::load(golden.model(), Runtime({.threads = 2}));
  HookSpec hooks;
  hooks.capture("*");
  const RunResult out = model.run(golden.tokens, hooks);
  std::size_t compared = 0;
  for (HookPoint point : model.hook_points()) {
    const auto it = golden.values.find(point.name());
    ASSERT_NE(it, golden.values.end()) << point.name() << " has no golden value";
    ASSERT_EQ(out.at(point).shape(), it->second.shape()) << point.name();
    const double error = relative_error(out.at(point), it->second);
    EXPECT_LE(error, kTolerance) << point.name();
    ++compared;
    if (HasFailure() && compared > 200) break;
  }
  EXPECT_LE(relative_error(out.logits(), golden.values.at("logits")), kTolerance);
  // The goldens hold nothing that the model does not know.
  for (const auto& [name, value] : golden.values) EXPECT_NO_THROW(out.at(name)) << name;
}

TEST_P(GoldenModel, GreedyContinuationAgreesWithAndWithoutCache) {
  const Golden golden = testing::load_golden(GetParam());
  const Model model = Model::load(golden.model(), Runtime({.threads = 2}));
  std::vector<TokenId> expected = golden.tokens;
  expected.insert(expected.end(), golden.greedy.begin(), golden.greedy.end());
  for (bool recompute : {false, true}) {
    const auto rows = model.generate(
        {golden.tokens}, {},
        {.max_new_tokens = golden.greedy.size(), .stop_at_eos = false, .recompute = recompute});
    EXPECT_EQ(rows.at(0), expected) << "recompute " << recompute;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, GoldenModel, ::testing::ValuesIn(testing::golden_names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace cutaway
