#include <cutaway/error.h>
#include <cutaway/lens.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

namespace cutaway {
namespace {

const std::vector<TokenId> kTokens = {30, 20, 49, 26, 53, 28, 13, 61, 13};

Model load(const char* name) {
  return Model::load(std::filesystem::path(CUTAWAY_FIXTURES) / "models" / name,
                     Runtime({.threads = 2}));
}

// What the model itself predicts, row by row.
void expect_equals_output(const Model& model) {
  const LensResult lens = logit_lens(model, kTokens, {.top_k = 3, .target = 7});
  const RunResult run = model.run(kTokens);
  const std::size_t last = lens.layers.size() - 1;
  for (std::size_t p = 0; p < kTokens.size(); ++p) {
    const auto logits =
        run.logits().values().subspan(p * model.config().d_vocab, model.config().d_vocab);
    const LensCell& cell = lens.at(last, p);
    const std::vector<LensToken> top = top_tokens(logits, 3);
    ASSERT_EQ(cell.top.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(cell.top[i].id, top[i].id);
      EXPECT_EQ(cell.top[i].logit, top[i].logit);  // bit for bit
      EXPECT_EQ(cell.top[i].prob, top[i].prob);
    }
    EXPECT_EQ(cell.target->logit, logits[7]);
  }
}

TEST(LogitLens, TheLastLayerEqualsTheModelsOutput) { expect_equals_output(load("llama_gqa")); }
TEST(LogitLens, SoAlsoUnderAFinalSoftCap) { expect_equals_output(load("gemma2_caps")); }

TEST(LogitLens, LayersAndPositionsSelectTheSameCells) {
  const Model model = load("llama_gqa");
  const LensResult all = logit_lens(model, kTokens, {.top_k = 2});
  const int last = model.config().n_layers - 1;
  const LensResult some =
      logit_lens(model, kTokens, {.top_k = 2, .layers = {last, 0}, .pos = {-1, 2}});
  EXPECT_EQ(some.layers, (std::vector<int>{last, 0}));
  EXPECT_EQ(some.positions, (std::vector<std::size_t>{kTokens.size() - 1, 2}));
  for (std::size_t l = 0; l < 2; ++l) {
    for (std::size_t p = 0; p < 2; ++p) {
      const LensCell& a = some.at(l, p);
      const LensCell& b = all.at(static_cast<std::size_t>(some.layers[l]), some.positions[p]);
      EXPECT_EQ(a.layer, b.layer);
      EXPECT_EQ(a.pos, b.pos);
      EXPECT_EQ(a.entropy, b.entropy);
      EXPECT_EQ(a.top[0].id, b.top[0].id);
      EXPECT_EQ(a.top[0].logit, b.top[0].logit);
    }
  }
}

TEST(LogitLens, EditsChangeWhatLaterLayersSay) {
  const Model model = load("llama_gqa");
  HookSpec hooks;
  hooks.zero("blocks.1.hook_mlp_out");
  const LensResult plain = logit_lens(model, kTokens);
  const LensResult edited = logit_lens(model, kTokens, {.hooks = hooks});
  EXPECT_EQ(plain.at(0, 3).top[0].logit, edited.at(0, 3).top[0].logit);
  EXPECT_NE(plain.at(1, 3).top[0].logit, edited.at(1, 3).top[0].logit);
}

TEST(LogitLens, RanksAndProbabilitiesAgreeWithTheWholeList) {
  const Model model = load("llama_gqa");
  const std::size_t d_vocab = model.config().d_vocab;
  for (TokenId target : {0, 17}) {
    const LensResult lens = logit_lens(model, kTokens, {.top_k = d_vocab, .target = target});
    for (const LensCell& cell : lens.cells) {
      ASSERT_EQ(cell.top.size(), d_vocab);
      double sum = 0, entropy = 0;
      for (const LensToken& t : cell.top) {
        sum += t.prob;
        entropy -= static_cast<double>(t.prob) * std::log(static_cast<double>(t.prob));
      }
      EXPECT_NEAR(sum, 1.0, 1e-6);  // f32 rounding of each probability
      EXPECT_NEAR(cell.entropy, entropy, 1e-5);
      EXPECT_EQ(cell.top[*cell.target_rank].id, target);
    }
  }
}

TEST(LogitLens, WrongArgumentsAreNamed) {
  const Model model = load("llama_gqa");
  const int n_layers = model.config().n_layers;
  EXPECT_THROW(logit_lens(model, kTokens, {.site = Site::kPattern}), ArgumentError);
  EXPECT_THROW(logit_lens(model, kTokens, {.layers = {n_layers}}), ArgumentError);
  EXPECT_THROW(logit_lens(model, kTokens, {.layers = {-1}}), ArgumentError);
  EXPECT_THROW(logit_lens(model, kTokens, {.pos = {99}}), ArgumentError);
  EXPECT_THROW(logit_lens(model, kTokens, {.target = 100000}), ArgumentError);
  EXPECT_THROW(logit_lens(model, kTokens, {.target = -1}), ArgumentError);
}

TEST(TopTokens, OrderEqualLogitsByIdAndLeaveNanOut) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> logits = {1, 3, 2, 3};
  const auto top = top_tokens(logits, 10);
  ASSERT_EQ(top.size(), 4U);
  EXPECT_EQ(top[0].id, 1);
  EXPECT_EQ(top[1].id, 3);
  EXPECT_EQ(top[2].id, 2);
  // softmax by hand: e^3 / (e + 2 e^3 + e^2)
  EXPECT_NEAR(top[0].prob, 20.085537 / (2.7182818 + 2 * 20.085537 + 7.3890561), 1e-6);
  EXPECT_EQ(top_tokens(std::vector<float>{nan, 1, nan}, 3).size(), 1U);
  EXPECT_TRUE(top_tokens(std::vector<float>{}, 3).empty());
}

}  // namespace
}  // namespace cutaway
