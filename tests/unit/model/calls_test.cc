// Calls that are wrong, and callbacks.
#include <atomic>
#include <thread>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "unit/model/golden.h"

namespace cutaway {
namespace {

class Calls : public ::testing::Test {
 protected:
  testing::Golden golden = testing::load_golden("llama_gqa");
  Model model = Model::load(golden.model(), Runtime({.threads = 1}));

  template <typename E>
  std::string refused(const std::vector<std::vector<TokenId>>& batch, const HookSpec& hooks = {}) {
    try {
      model.run(batch, hooks);
    } catch (const E& e) {
      return e.what();
    }
    return "accepted";
  }
};

TEST_F(Calls, TokensMustBeInTheVocabularyAndFitTheContext) {
  EXPECT_EQ(refused<ArgumentError>({}), "tokens: no sequence, expected at least one");
  EXPECT_EQ(refused<ArgumentError>({{}}), "tokens: an empty sequence, expected at least one token");
  EXPECT_EQ(refused<ArgumentError>({{1}, {}}),
            "tokens of row 1: an empty sequence, expected at least one token");
  const auto d_vocab = static_cast<TokenId>(model.config().d_vocab);
  EXPECT_EQ(refused<ArgumentError>({{1, d_vocab}}), "tokens: id " + std::to_string(d_vocab) +
                                                        " at position 1, expected 0 to " +
                                                        std::to_string(d_vocab - 1));
  EXPECT_NE(refused<ArgumentError>({{-1}}), "accepted");
  const std::string too_long =
      refused<ArgumentError>({std::vector<TokenId>(model.config().n_ctx + 1, 1)});
  EXPECT_NE(too_long.find("but the context of this model holds"), std::string::npos) << too_long;
}

TEST_F(Calls, HooksAreCheckedBeforeAnyWork) {
  EXPECT_NE(
      refused<UnknownNameError>({golden.tokens}, HookSpec().capture("blocks.0.hook_resid_pst"))
          .find("did you mean"),
      std::string::npos);
  EXPECT_NE(refused<ArgumentError>({golden.tokens}, HookSpec().zero("hook_embed", {.pos = {99}}))
                .find("position 99"),
            std::string::npos);
  EXPECT_NE(
      refused<ArgumentError>({golden.tokens, {1, 2}}, HookSpec().zero("hook_embed", {.pos = {3}}))
          .find("a sequence of 2 tokens"),
      std::string::npos);
}

TEST_F(Calls, GenerateRefusesWhatItCannotDo) {
  EXPECT_THROW(model.generate({golden.tokens}, HookSpec().capture("hook_embed")), ArgumentError);
  EXPECT_THROW(model.generate({golden.tokens}, {}, {.max_new_tokens = model.config().n_ctx}),
               ArgumentError);
  EXPECT_THROW(model.generate({golden.tokens}, {}, {.temperature = -1.0F}), ArgumentError);
  EXPECT_EQ(model.generate({golden.tokens}, {}, {.max_new_tokens = 0}).at(0), golden.tokens);
}

TEST_F(Calls, UnembedChecksTheWidth) {
  const Tensor wrong({1, model.config().d_model + 1});
  EXPECT_THROW((void)model.unembed(wrong.view<2>()), ShapeError);
}

TEST_F(Calls, AFunctionsExceptionReachesTheCaller) {
  EXPECT_THROW(model.run(golden.tokens, HookSpec().call("blocks.0.hook_resid_pre",
                                                        [](Tensor&, const EditContext&) {
                                                          throw std::runtime_error("mine");
                                                        })),
               std::runtime_error);
  EXPECT_NO_THROW(model.run(golden.tokens));
}

TEST_F(Calls, AStopRequestEndsARun) {
  int polls = 0;
  const Model stoppable = Model::load(
      golden.model(), Runtime({.threads = 1, .should_stop = [&] { return ++polls > 2; }}));
  EXPECT_THROW(stoppable.generate({golden.tokens}, {}, {.max_new_tokens = 50}), InterruptedError);
}

TEST_F(Calls, TokensAreReportedAsTheyAreChosen) {
  std::vector<TokenId> seen;
  GenerateOptions options{.max_new_tokens = 12, .stop_at_eos = false};
  options.on_token = [&](std::size_t row, TokenId id) {
    EXPECT_EQ(row, 0U);
    seen.push_back(id);
  };
  model.generate({golden.tokens}, {}, options);
  EXPECT_EQ(seen, golden.greedy);
}

TEST_F(Calls, AModelWithoutTokenizerSaysSo) {
  EXPECT_FALSE(model.has_tokenizer());
  EXPECT_THROW((void)model.tokenizer(), UnsupportedError);
}

TEST_F(Calls, SeveralThreadsMayRunOneModel) {
  const RunResult expected = model.run(golden.tokens);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const RunResult out = model.run(golden.tokens);
        if (!std::ranges::equal(out.logits().values(), expected.logits().values())) ++wrong;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace cutaway
