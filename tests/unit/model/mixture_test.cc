// Mixtures of experts: routing can be repeated, forced and cut (docs/hooks.md).
#include <cmath>
#include <cstring>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "unit/model/golden.h"

namespace cutaway {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class Mixture : public ::testing::TestWithParam<std::string> {
 protected:
  testing::Golden golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model(), Runtime({.threads = 2}));
  const MoeConfig& moe = model.config().moe;
  int layer = sparse_layer();
  std::string at = "blocks." + std::to_string(layer) + ".mlp.";
  std::size_t pos = golden.tokens.size(), n_experts = moe.n_experts;

  int sparse_layer() const {
    const auto& sparse = model.config().moe.sparse_layers;
    return static_cast<int>(std::find(sparse.begin(), sparse.end(), true) - sparse.begin());
  }
  RunResult run(const HookSpec& hooks) const {
    HookSpec spec;
    spec.capture(at + "hook_*").capture("blocks.*.hook_mlp_out").extend(hooks);
    return model.run(golden.tokens, spec);
  }
};

TEST_P(Mixture, RepeatingTheRoutersChoiceChangesNothing) {
  const RunResult clean = run({});
  for (const char* site : {"hook_router_logits", "hook_expert_indices", "hook_expert_weights"}) {
    const RunResult edited = run(HookSpec().replace(at + site, clean.at(at + site)));
    EXPECT_TRUE(same_bits(clean.logits(), edited.logits())) << site;
  }
}

TEST_P(Mixture, CuttingEveryExpertIsZeroingTheMlp) {
  HookSpec by_weights, by_router, zeroed;
  by_weights.zero(at + "hook_expert_weights");
  for (std::size_t e = 0; e < n_experts; ++e) by_router.knockout_expert(layer, static_cast<int>(e));
  if (moe.d_shared_expert > 0) {
    by_weights.zero(at + "hook_shared_expert_gate");
    by_router.zero(at + "hook_shared_expert_gate");
  }
  zeroed.zero("blocks." + std::to_string(layer) + ".hook_mlp_out");
  const Tensor expected = run(zeroed).logits();
  EXPECT_TRUE(same_bits(run(by_weights).logits(), expected));
  const RunResult cut = run(by_router);
  EXPECT_TRUE(same_bits(cut.logits(), expected));
  for (float slot : cut.at(at + "hook_expert_indices").values()) EXPECT_EQ(slot, -1.0F);
}

TEST_P(Mixture, TheSumIsTheWeightedExperts) {
  // Each expert alone, by zeroing the others' weights; the parts add up to the whole.
  const std::string out = at + "hook_out";
  const RunResult clean = run({});
  Tensor sum(clean.at(out).shape());
  for (std::size_t e = 0; e < n_experts; ++e) {
    HookSpec one;
    for (std::size_t other = 0; other < n_experts; ++other) {
      if (other != e) one.zero(at + "hook_expert_weights", {.head = static_cast<int>(other)});
    }
    if (moe.d_shared_expert > 0) one.zero(at + "hook_shared_expert_gate");
    const Tensor part = run(one).at(out);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += part.data()[i];
  }
  if (moe.d_shared_expert > 0) {
    const Tensor shared = run(HookSpec().zero(at + "hook_expert_weights")).at(out);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += shared.data()[i];
  }
  EXPECT_LE(testing::relative_error(sum, clean.at(out)), 1e-6);
}

TEST_P(Mixture, ACutExpertMakesRoomForTheNextBest) {
  const RunResult clean = run({});
  const auto before = clean.at(at + "hook_expert_indices").view<3>();
  const auto logits = clean.at(at + "hook_router_logits").view<3>();
  const int best = static_cast<int>(before(0, 0, 0));
  const RunResult cut = run(HookSpec().knockout_expert(layer, best, {0}));
  const auto after = cut.at(at + "hook_expert_indices").view<3>();
  std::vector<std::size_t> order(n_experts);
  for (std::size_t e = 0; e < n_experts; ++e) order[e] = e;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return logits(0, 0, a) > logits(0, 0, b); });
  for (std::size_t slot = 0; slot < moe.experts_per_token && slot + 1 < n_experts; ++slot)
    EXPECT_EQ(after(0, 0, slot), static_cast<float>(order[slot + 1]));
  for (std::size_t slot = 0; slot < moe.experts_per_token; ++slot)
    EXPECT_EQ(after(0, 1, slot), before(0, 1, slot)) << "only position 0 was edited";
}

TEST_P(Mixture, ForcedRoutingTakesTheRoutersWeights) {
  const RunResult clean = run({});
  const auto logits = clean.at(at + "hook_router_logits").view<3>();
  Tensor forced({moe.experts_per_token});
  for (std::size_t slot = 0; slot < moe.experts_per_token; ++slot)
    forced.data()[slot] = static_cast<float>(n_experts - 1 - slot);
  const RunResult out = run(HookSpec().replace(at + "hook_expert_indices", forced));
  const auto weights = out.at(at + "hook_expert_weights").view<3>();
  for (std::size_t p = 0; p < pos; ++p) {
    double all = 0.0, chosen = 0.0;
    for (std::size_t e = 0; e < n_experts; ++e) {
      const double x = std::exp(static_cast<double>(logits(0, p, e)));
      all += x;
      if (e + moe.experts_per_token >= n_experts) chosen += x;
    }
    for (std::size_t e = 0; e < n_experts; ++e) {
      const bool is_forced = e + moe.experts_per_token >= n_experts;
      const double expected = is_forced ? std::exp(static_cast<double>(logits(0, p, e))) /
                                              (moe.normalize_weights ? chosen : all)
                                        : 0.0;
      EXPECT_NEAR(weights(0, p, e), expected, 1e-6) << p << " " << e;
    }
  }
}

TEST_P(Mixture, ImpossibleRoutingIsRefused) {
  for (float bad : {static_cast<float>(n_experts), 0.5F, -2.0F, NAN}) {
    Tensor forced({moe.experts_per_token});
    for (std::size_t slot = 0; slot < moe.experts_per_token; ++slot) forced.data()[slot] = bad;
    EXPECT_THROW(run(HookSpec().replace(at + "hook_expert_indices", forced)), ArgumentError) << bad;
  }
  if (moe.experts_per_token > 1) {
    EXPECT_THROW(run(HookSpec().zero(at + "hook_expert_indices")), ArgumentError)
        << "twice expert 0";
  }
  EXPECT_THROW(run(HookSpec().knockout_expert(layer, static_cast<int>(n_experts))), ArgumentError);
  EXPECT_THROW(run(HookSpec().capture(at + "experts." + std::to_string(n_experts) + ".hook_pre")),
               UnknownNameError);
  EXPECT_THROW(run(HookSpec().capture(at + "hook_pre")), UnknownNameError);
}

TEST_P(Mixture, AnExpertsNeuronsCanBeEdited) {
  const RunResult clean = run({});
  const int expert = static_cast<int>(clean.at(at + "hook_expert_indices").view<3>()(0, 0, 0));
  const std::string post = at + "experts." + std::to_string(expert) + ".hook_post";
  const RunResult silent = run(HookSpec().zero(post));
  const RunResult weightless = run(HookSpec().zero(at + "hook_expert_weights", {.head = expert}));
  EXPECT_LE(testing::relative_error(silent.at(at + "hook_out"), weightless.at(at + "hook_out")),
            1e-6);
  EXPECT_FALSE(same_bits(silent.logits(), clean.logits()));
}

std::vector<std::string> mixtures() {
  std::vector<std::string> out;
  for (const std::string& name : testing::golden_names()) {
    if (name.starts_with("mixtral") || name.starts_with("qwen2_moe")) out.push_back(name);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Mixture, ::testing::ValuesIn(mixtures()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace cutaway
