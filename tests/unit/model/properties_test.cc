// What the engine promises about its own numbers: bit for bit.
#include <cmath>
#include <cstring>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "model/forward.h"
#include "unit/model/golden.h"

namespace cutaway {
namespace {

using Batch = std::vector<std::vector<TokenId>>;

// At least one of every axis.
const char* const kModels[] = {
    "llama_bias", "qwen2_window",   "gemma2_caps", "gemma3_pattern", "llama_bf16",   "llama_gguf_q",
    "phi3_all",   "starcoder2_all", "olmo2_all",   "gpt2_all",       "gpt_neox_all", "gptj_all",
    "opt_all",    "cohere_all",     "granite_all", "mixtral_all",    "qwen2_moe_all"};

class Properties : public ::testing::TestWithParam<const char*> {
 protected:
  testing::Golden golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model(), Runtime({.threads = 2}));

  std::vector<TokenId> first(std::size_t n) const {
    return {golden.tokens.begin(), golden.tokens.begin() + static_cast<std::ptrdiff_t>(n)};
  }
  static HookSpec everything() { return HookSpec().capture("*"); }
};

::testing::AssertionResult same_bits(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " numbers";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << a[i] << " and " << b[i] << " at " << i;
  }
  return ::testing::AssertionSuccess();
}

TEST_P(Properties, ThreadsChangeNothing) {
  const RunResult one =
      Model::load(golden.model(), Runtime({.threads = 1})).run(golden.tokens, everything());
  for (int threads : {2, 8}) {
    const RunResult many =
        Model::load(golden.model(), Runtime({.threads = threads})).run(golden.tokens, everything());
    EXPECT_TRUE(same_bits(one.logits().values(), many.logits().values()));
    for (HookPoint point : model.hook_points())
      EXPECT_TRUE(same_bits(one.at(point).values(), many.at(point).values())) << point.name();
  }
}

TEST_P(Properties, LookingChangesNothing) {
  const RunResult plain = model.run(golden.tokens);
  const RunResult watched = model.run(golden.tokens, everything());
  EXPECT_TRUE(same_bits(plain.logits().values(), watched.logits().values()));
  EXPECT_EQ(plain.cache().size(), 0U);
}

TEST_P(Properties, ReplacingEveryValueWithItselfChangesNothing) {
  const RunResult clean = model.run(golden.tokens, everything());
  for (HookPoint point : model.hook_points()) {
    const RunResult edited =
        model.run(golden.tokens, HookSpec().replace(point.name(), clean.at(point)));
    EXPECT_TRUE(same_bits(clean.logits().values(), edited.logits().values())) << point.name();
  }
}

TEST_P(Properties, AddingZeroOrScalingByOneChangesNothing) {
  const RunResult clean = model.run(golden.tokens);
  HookSpec hooks;
  hooks.scale("*", 1.0F);
  hooks.add("blocks.*.hook_resid_post", Tensor({model.config().d_model}));
  EXPECT_TRUE(
      same_bits(clean.logits().values(), model.run(golden.tokens, hooks).logits().values()));
}

TEST_P(Properties, EachRowOfARaggedBatchIsAsIfAlone) {
  const Batch batch{first(4), golden.tokens, first(1), first(7)};
  HookSpec hooks = everything();
  hooks.scale("blocks.0.hook_mlp_out", 0.5F, {.pos = {-1}});
  const RunResult together = model.run(batch, hooks);
  const std::size_t longest = golden.tokens.size();
  for (std::size_t b = 0; b < batch.size(); ++b) {
    const RunResult alone = model.run(batch[b], hooks);
    EXPECT_EQ(together.lengths()[b], batch[b].size());
    const std::size_t used = batch[b].size() * model.config().d_vocab;
    const auto row = together.logits().values().subspan(b * longest * model.config().d_vocab,
                                                        longest * model.config().d_vocab);
    EXPECT_TRUE(same_bits(row.first(used), alone.logits().values()));
    for (float padding : row.subspan(used)) ASSERT_EQ(padding, 0.0F);
    for (HookPoint point : model.hook_points()) {
      const Tensor &all = together.at(point), &single = alone.at(point);
      const SiteInfo& info = site_info(point.site());
      if (info.axes[1] == Axis::kHead) {  // [batch, head, q, k]
        const auto a = all.view<4>(), s = single.view<4>();
        for (std::size_t h = 0; h < s.extent(1); ++h) {
          for (std::size_t q = 0; q < s.extent(2); ++q) {
            ASSERT_TRUE(same_bits({&a(b, h, q, 0), s.extent(3)}, {&s(0, h, q, 0), s.extent(3)}))
                << point.name();
          }
        }
      } else {
        const std::size_t width = single.size() / batch[b].size();
        ASSERT_TRUE(
            same_bits(all.values().subspan(b * longest * width, single.size()), single.values()))
            << point.name();
      }
    }
  }
}

TEST_P(Properties, LastLogitsAreTheLastOfAll) {
  const Batch batch{first(3), golden.tokens};
  const RunResult all = model.run(batch), last = model.run(batch, {}, {.logits = LogitRows::kLast});
  const std::size_t d_vocab = model.config().d_vocab, longest = golden.tokens.size();
  EXPECT_EQ(last.logits().shape(), (std::vector<std::size_t>{2, 1, d_vocab}));
  EXPECT_TRUE(same_bits(last.logits().values().first(d_vocab),
                        all.logits().values().subspan(2 * d_vocab, d_vocab)));
  EXPECT_TRUE(same_bits(last.logits().values().last(d_vocab),
                        all.logits().values().subspan((2 * longest - 1) * d_vocab, d_vocab)));
  EXPECT_EQ(model.run(batch, {}, {.logits = LogitRows::kNone}).logits().size(), 0U);
}

TEST_P(Properties, TheCacheGivesWhatRecomputingGives) {
  const std::size_t n = golden.tokens.size();
  const Tensor direction({model.config().d_model},
                         std::vector<float>(model.config().d_model, 0.25F));
  std::vector<HookSpec> specs(7);
  specs[1].add("blocks.1.hook_resid_post", direction);
  specs[2].add("blocks.0.hook_attn_out", direction, {.pos = {2}, .scale = 3.0F});
  specs[3].zero("blocks.1.attn.hook_z", {.head = 0});
  specs[4].knockout(1, Positions::range(static_cast<std::int64_t>(n) - 1, std::nullopt), {0, 1});
  specs[5].scale("blocks.0.attn.hook_k", 0.5F,
                 {.pos = Positions::range(1, static_cast<std::int64_t>(n) + 2)});
  specs[6].zero("blocks.0.hook_mlp_out", {.pos = {static_cast<std::int64_t>(n) + 1}});
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Batch batch{golden.tokens, first(3)};
    if (i == 2 || i == 4 || i == 6) {  // positions that the shorter row lacks
      EXPECT_EQ(
          model.generate({golden.tokens}, specs[i], {.max_new_tokens = 6, .stop_at_eos = false}),
          model.generate({golden.tokens}, specs[i],
                         {.max_new_tokens = 6, .stop_at_eos = false, .recompute = true}))
          << i;
      continue;
    }
    const GenerateOptions cached{.max_new_tokens = 6, .stop_at_eos = false};
    GenerateOptions recompute = cached;
    recompute.recompute = true;
    EXPECT_EQ(model.generate(batch, specs[i], cached), model.generate(batch, specs[i], recompute))
        << i;
  }
}

TEST_P(Properties, APromptInPiecesGivesTheBitsOfThePromptAtOnce) {
  const Model::Impl& m = model.impl();
  const ModelConfig& c = model.config();
  const std::size_t n = golden.tokens.size();
  // Frequencies that follow the text's length: generate computes such a text anew (the golden
  // greedy tokens cross the limit).
  if (c.rope.changes_between(1, n)) return;
  // Frequencies that follow the text's length: generate computes such a text anew (the golden
  // greedy tokens cross the limit).
  if (c.rope.changes_between(1, n)) return;
  const RunResult whole = model.run(golden.tokens);
  for (const std::vector<std::size_t>& cuts :
       {std::vector<std::size_t>{1, 2, 3, 4}, {5}, {n - 1}}) {
    std::vector<KvStore> stores;
    stores.emplace_back(*m.device, static_cast<std::size_t>(c.n_layers), c.n_kv_heads, c.d_head, n);
    const std::vector<std::size_t> lengths{n};
    const HookPlan none({}, c.hook_dims(), lengths, 0);
    ActivationCache cache;
    std::size_t begin = 0;
    std::vector<std::size_t> ends = cuts;
    ends.push_back(n);
    for (std::size_t end : ends) {
      const std::span<const TokenId> piece(golden.tokens.data() + begin, end - begin);
      const Tensor logits = forward(m, {&piece, 1}, stores, none, cache, LogitRows::kAll);
      EXPECT_TRUE(same_bits(logits.values(), whole.logits().values().subspan(
                                                 begin * c.d_vocab, (end - begin) * c.d_vocab)))
          << begin << " to " << end;
      begin = end;
    }
  }
}

TEST_P(Properties, GenerationIsRunStepByStep) {
  HookSpec hooks;
  hooks.scale("blocks.0.hook_attn_out", 1.5F);
  std::vector<TokenId> tokens = golden.tokens;
  for (int step = 0; step < 5; ++step) {
    const Tensor logits = model.run(tokens, hooks, {.logits = LogitRows::kLast}).logits();
    tokens.push_back(static_cast<TokenId>(
        std::max_element(logits.data(), logits.data() + logits.size()) - logits.data()));
  }
  EXPECT_EQ(
      model.generate({golden.tokens}, hooks, {.max_new_tokens = 5, .stop_at_eos = false}).at(0),
      tokens);
}

TEST_P(Properties, RowsOfABatchGenerateAsIfAlone) {
  const Batch batch{first(2), golden.tokens, first(5)};
  const GenerateOptions options{.max_new_tokens = 5, .stop_at_eos = false};
  const Batch together = model.generate(batch, {}, options);
  for (std::size_t b = 0; b < batch.size(); ++b)
    EXPECT_EQ(together[b], model.generate({batch[b]}, {}, options)[0]);
}

TEST_P(Properties, CutEdgesHaveNoWeightAndAFullyCutRowAttendsToNothing) {
  const int n = static_cast<int>(golden.tokens.size());
  HookSpec hooks;
  hooks.capture("blocks.1.attn.hook_pattern").capture("blocks.1.attn.hook_z");
  hooks.knockout(1, {n - 1}, {n - 2}, 0).knockout(1, {1}, Positions::all());
  const RunResult out = model.run(golden.tokens, hooks);
  const auto pattern = out.at("blocks.1.attn.hook_pattern").view<4>();
  EXPECT_EQ(pattern(0, 0, n - 1, n - 2), 0.0F);
  float sum = 0.0F;
  for (int k = 0; k < n; ++k) {
    sum += pattern(0, 0, n - 1, k);
    EXPECT_EQ(pattern(0, 0, 1, k), 0.0F);
  }
  EXPECT_NEAR(sum, 1.0F, 1e-6F);
  EXPECT_EQ(out.at("blocks.1.attn.hook_z").view<4>()(0, 1, 0, 0), 0.0F);
  for (float logit : out.logits().values()) ASSERT_TRUE(std::isfinite(logit));
}

TEST_P(Properties, UnembeddingTheLastResidualGivesTheLogits) {
  const std::string name = HookPoint::resid_post(model.config().n_layers - 1).name();
  const RunResult out = model.run(golden.tokens, HookSpec().capture(name));
  const Tensor& resid = out.at(name);
  const Tensor logits =
      model.unembed(TensorView<const float, 2>(resid.data(), {resid.extent(1), resid.extent(2)}));
  EXPECT_TRUE(same_bits(logits.values(), out.logits().values()));
}

TEST_P(Properties, WeightsAsArraysReproduceTheProjections) {
  const RunResult out = model.run(golden.tokens, everything());
  const ModelConfig& c = model.config();
  // What attention reads: the norm's output, or the stream itself where there is none.
  const std::string read =
      c.has_pre_norms ? "blocks.0.ln1.hook_normalized" : "blocks.0.hook_resid_pre";
  const auto normed = out.at(read).view<3>();
  const Tensor gain = c.has_pre_norms ? model.weight("ln1.w", 0)
                                      : Tensor({c.d_model}, std::vector<float>(c.d_model, 1.0F));
  const Tensor shift = c.norm_bias ? model.weight("ln1.b", 0) : Tensor({c.d_model});
  const Tensor w_q = model.weight("W_Q", 0), w_v = model.weight("W_V", 0);
  const auto q = out.at("blocks.0.attn.hook_q").view<4>(),
             v = out.at("blocks.0.attn.hook_v").view<4>();
  const auto bias = [&](const char* name, std::size_t h, std::size_t i) {
    return c.qkv_bias ? static_cast<double>(model.weight(name, 0).view<2>()(h, i)) : 0.0;
  };
  for (std::size_t h : {std::size_t{0}, c.n_heads - 1}) {
    for (std::size_t i = 0; i < c.d_head; ++i) {
      double sum = bias("b_Q", h, i), sum_v = bias("b_V", h % c.n_kv_heads, i);
      for (std::size_t d = 0; d < c.d_model; ++d) {
        const double x =
            static_cast<double>(normed(0, 1, d)) * static_cast<double>(gain.data()[d]) +
            static_cast<double>(shift.data()[d]);
        sum += x * static_cast<double>(w_q.view<3>()(h, d, i));
        sum_v += x * static_cast<double>(w_v.view<3>()(h % c.n_kv_heads, d, i));
      }
      EXPECT_NEAR(q(0, 1, h, i), sum, 1e-4) << h << " " << i;
      EXPECT_NEAR(v(0, 1, h % c.n_kv_heads, i), sum_v, 1e-4) << h << " " << i;
    }
  }
  EXPECT_THROW((void)model.weight("W_QQ", 0), UnknownNameError);
  EXPECT_THROW((void)model.weight("W_Q", c.n_layers), ArgumentError);
  EXPECT_THROW((void)model.weight("W_E", 0), ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Properties, ::testing::ValuesIn(kModels),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace cutaway
