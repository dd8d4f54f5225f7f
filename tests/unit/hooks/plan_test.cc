#include "hooks/plan.h"

#include <cmath>

#include <cutaway/error.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

const HookDims kDims{.n_layers = 2,
                     .d_model = 4,
                     .n_heads = 2,
                     .n_kv_heads = 1,
                     .d_head = 6,
                     .d_mlp = 5,
                     .d_vocab = 9};
const std::vector<std::size_t> kFive{5};

Tensor filled(std::vector<std::size_t> shape, float start = 1.0F) {
  Tensor t(std::move(shape));
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = start + static_cast<float>(i);
  return t;
}

template <typename E>
std::string refused(const HookSpec& spec, std::vector<std::size_t> lengths = kFive,
                    std::size_t horizon = 0) {
  try {
    HookPlan plan(spec, kDims, lengths, horizon);
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another error: ") + e.what();
  }
  return "accepted";
}

TEST(HookPlan, EmptySpecTouchesNothing) {
  const HookPlan plan({}, kDims, kFive, 0);
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(plan.find(Site::kLogits, -1), nullptr);
  EXPECT_EQ(plan.find(Site::kResidPre, 1), nullptr);
}

TEST(HookPlan, GlobsReachEveryLayer) {
  const HookPlan plan(HookSpec().capture("blocks.*.hook_resid_post"), kDims, kFive, 0);
  EXPECT_NE(plan.find(Site::kResidPost, 0), nullptr);
  EXPECT_NE(plan.find(Site::kResidPost, 1), nullptr);
  EXPECT_EQ(plan.find(Site::kResidPre, 1), nullptr);
}

TEST(HookPlan, WhatCanNeverFireIsAnError) {
  EXPECT_EQ(refused<UnknownNameError>(HookSpec().capture("blocks.7.hook_resid_post")),
            "blocks.7.hook_resid_post: layer 7, but this model has layers 0 to 1; did you mean "
            "'blocks.1.hook_resid_post'?");
  EXPECT_NE(refused<UnknownNameError>(HookSpec().capture("blocks.*.hook_resid_psot"))
                .find("matches no hook point"),
            std::string::npos);
  EXPECT_NE(refused<UnknownNameError>(HookSpec().capture("hook_pos_embed")).find("no such part"),
            std::string::npos);
  EXPECT_NE(
      refused<UnknownNameError>(HookSpec().zero("blocks.0.attn.hook_zz")).find("did you mean"),
      std::string::npos);
  EXPECT_EQ(refused<ArgumentError>(HookSpec().zero("hook_embed", {.pos = {5}})),
            "hook_embed: position 5 in a sequence of 5 tokens, expected -5 to 4");
  EXPECT_NE(refused<ArgumentError>(HookSpec().zero("hook_embed", {.pos = Positions::range(3, 2)}))
                .find("selects nothing"),
            std::string::npos);
  EXPECT_NE(refused<ArgumentError>(HookSpec().knockout(0, {1}, {3}))
                .find("a query sees only keys up to itself"),
            std::string::npos);
}

TEST(HookPlan, PositionsThatAGenerationWillReachAreAllowed) {
  const auto spec = HookSpec().zero("hook_embed", {.pos = {7}});
  EXPECT_EQ(refused<ArgumentError>(spec, {5}, 3), "accepted");
  EXPECT_NE(refused<ArgumentError>(spec, {5}, 2), "accepted");
}

TEST(HookPlan, HeadsMustExist) {
  EXPECT_EQ(refused<ArgumentError>(HookSpec().zero("hook_embed", {.head = 0})),
            "hook_embed: head 0 given, but the point has no head axis");
  EXPECT_EQ(refused<ArgumentError>(HookSpec().zero("blocks.0.attn.hook_q", {.head = 2})),
            "blocks.0.attn.hook_q: head 2, expected 0 to 1");
  EXPECT_EQ(refused<ArgumentError>(HookSpec().zero("blocks.0.attn.hook_k", {.head = 1})),
            "blocks.0.attn.hook_k: head 1, expected 0 to 0");
  EXPECT_EQ(refused<ArgumentError>(HookSpec().zero("blocks.0.attn.hook_pattern", {.head = -1})),
            "blocks.0.attn.hook_pattern: head -1, expected 0 to 1");
}

TEST(HookPlan, KindsMustFitTheSite) {
  Edit cut{.kind = EditKind::kKnockout, .where = "blocks.0.attn.hook_scores"};
  EXPECT_NE(refused<ArgumentError>(HookSpec().edit(cut)).find("attn.hook_attn_scores"),
            std::string::npos);
  EXPECT_NE(refused<ArgumentError>(HookSpec().mean("blocks.0.attn.hook_pattern", filled({5, 5})))
                .find("no meaning"),
            std::string::npos);
  EXPECT_NE(refused<ArgumentError>(HookSpec().call("hook_embed", {})).find("without a function"),
            std::string::npos);
  EXPECT_NE(refused<ArgumentError>(HookSpec().edit({.kind = EditKind::kAdd, .where = "hook_embed"}))
                .find("without a value"),
            std::string::npos);
}

TEST(HookPlan, ValueShapes) {
  const auto add = [](std::vector<std::size_t> shape, EditOptions options = {}) {
    return HookSpec().add("blocks.0.attn.hook_q", filled(std::move(shape)), std::move(options));
  };
  for (auto shape : std::vector<std::vector<std::size_t>>{{2, 6}, {5, 2, 6}, {1, 5, 2, 6}})
    EXPECT_EQ(refused<ShapeError>(add(shape)), "accepted");
  EXPECT_EQ(refused<ShapeError>(add({2, 6}, {.pos = {1, 2}})), "accepted");
  EXPECT_EQ(refused<ShapeError>(add({2, 2, 6}, {.pos = {1, 2}})), "accepted");
  EXPECT_EQ(refused<ShapeError>(add({5, 2, 6}, {.pos = {1, 2}})),
            "accepted");  // the whole sequence: positions index it
  EXPECT_EQ(refused<ShapeError>(add({6}, {.head = 1})), "accepted");
  EXPECT_EQ(refused<ShapeError>(add({5, 6}, {.head = 1})), "accepted");
  EXPECT_EQ(refused<ShapeError>(add({5, 2, 6}, {.head = 1})),
            "accepted");  // with the head axis: the head is picked
  for (auto shape : std::vector<std::vector<std::size_t>>{
           {}, {6}, {4, 2, 6}, {2, 5, 2, 6}, {1, 1, 5, 2, 6}, {6, 2}}) {
    EXPECT_NE(refused<ShapeError>(add(shape))
                  .find("expected [2, 6] with an optional leading [n] or [batch, n]"),
              std::string::npos);
  }
}

struct Rows {
  Tensor data;
  explicit Rows(Tensor t) : data(std::move(t)) {}
  TensorView<float, 2> view() {
    return {data.data(), {data.extent(0), data.size() / data.extent(0)}};
  }
};

TEST(HookRun, EditsInOrderThenCapture) {
  HookSpec spec;
  spec.capture("hook_embed", When::kBefore).capture("hook_embed");
  spec.scale("hook_embed", 2.0F).add("hook_embed", filled({4}), {.pos = {-1}, .scale = 10.0F});
  const std::vector<std::size_t> lengths{2};
  const HookPlan plan(spec, kDims, lengths, 0);
  const PassRows pass{{.sequence = 0, .first_row = 0, .count = 2, .past = 0}};
  ActivationCache cache;
  HookRun run(plan, pass, cache);
  Rows rows(filled({2, 4}));
  run.visit(Site::kEmbed, -1, rows.view());
  const Tensor& before = cache.at(HookPoint(Site::kEmbed), When::kBefore);
  const Tensor& after = cache.at(HookPoint(Site::kEmbed), When::kAfter);
  EXPECT_EQ(before.view<3>()(0, 1, 0), 5.0F);
  EXPECT_EQ(after.view<3>()(0, 0, 3), 8.0F);
  EXPECT_EQ(after.view<3>()(0, 1, 0), 20.0F);
  EXPECT_EQ(rows.view()(1, 3), 8.0F * 2.0F + 40.0F);
}

TEST(HookRun, RaggedRowsArePaddedWithZeros) {
  HookSpec spec;
  spec.capture("hook_embed").zero("hook_embed", {.pos = {-1}});
  const std::vector<std::size_t> lengths{1, 2};
  const HookPlan plan(spec, kDims, lengths, 0);
  const PassRows pass{{0, 0, 1, 0}, {1, 1, 2, 0}};
  ActivationCache cache;
  HookRun run(plan, pass, cache);
  Rows rows(filled({3, 4}));
  run.visit(Site::kEmbed, -1, rows.view());
  const auto out = cache.at("hook_embed").view<3>();
  EXPECT_EQ(out.extents(), (std::array<std::size_t, 3>{2, 2, 4}));
  EXPECT_EQ(out(0, 0, 0), 0.0F);  // the only position of row 0 is its last
  EXPECT_EQ(out(0, 1, 0), 0.0F);  // padding
  EXPECT_EQ(out(1, 0, 0), 5.0F);
  EXPECT_EQ(out(1, 1, 0), 0.0F);
}

TEST(HookRun, KnockoutCutsTheNamedEdgesOnly) {
  const std::vector<std::size_t> lengths{3};
  const HookPlan plan(HookSpec().knockout(1, {2}, {0, 1}, 1), kDims, lengths, 0);
  const PassRows pass{{0, 0, 3, 0}};
  ActivationCache cache;
  HookRun run(plan, pass, cache);
  Tensor scores = filled({2, 3, 3});
  const std::array views{scores.view<3>()};
  run.visit_edges(Site::kAttnScores, 1, views);
  int cut = 0;
  for (float f : scores.values()) cut += std::isinf(f) ? 1 : 0;
  EXPECT_EQ(cut, 2);
  EXPECT_TRUE(std::isinf(scores.view<3>()(1, 2, 0)) && std::isinf(scores.view<3>()(1, 2, 1)));
}

TEST(HookRun, ScaleKeepsMaskedScoresMasked) {
  const std::vector<std::size_t> lengths{1};
  for (float factor : {0.0F, -1.0F}) {
    const HookPlan plan(HookSpec().scale("blocks.0.attn.hook_attn_scores", factor), kDims, lengths,
                        0);
    const PassRows pass{{0, 0, 1, 0}};
    ActivationCache cache;
    HookRun run(plan, pass, cache);
    Tensor scores({2, 1, 1});
    scores.data()[0] = -INFINITY;
    scores.data()[1] = 3.0F;
    const std::array views{scores.view<3>()};
    run.visit_edges(Site::kAttnScores, 0, views);
    EXPECT_EQ(scores.data()[0], -INFINITY);
    EXPECT_EQ(scores.data()[1], 3.0F * factor);
  }
}

TEST(HookRun, AFunctionSeesAllAxesAndMustKeepTheShape) {
  std::vector<std::size_t> seen;
  HookSpec spec;
  spec.call("blocks.0.attn.hook_q", [&](Tensor& value, const EditContext& context) {
    seen = value.shape();
    EXPECT_EQ(context.point.name(), "blocks.0.attn.hook_q");
    EXPECT_EQ(context.first_pos, 3);
    value.data()[0] = 42.0F;
  });
  const std::vector<std::size_t> lengths{5};
  const HookPlan plan(spec, kDims, lengths, 0);
  const PassRows pass{{0, 0, 2, 3}};
  ActivationCache cache;
  HookRun run(plan, pass, cache);
  Rows rows(filled({2, 12}));
  run.visit(Site::kQ, 0, rows.view());
  EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 2, 6}));
  EXPECT_EQ(rows.view()(0, 0), 42.0F);

  const HookPlan bad(
      HookSpec().call("hook_embed", [](Tensor& value, const EditContext&) { value = Tensor({1}); }),
      kDims, lengths, 0);
  HookRun bad_run(bad, pass, cache);
  Rows more(filled({2, 4}));
  EXPECT_THROW(bad_run.visit(Site::kEmbed, -1, more.view()), ShapeError);
}

TEST(HookRun, MeanIsOverAllLeadingAxes) {
  Tensor data({2, 3, 4});
  for (std::size_t i = 0; i < data.size(); ++i) data.data()[i] = static_cast<float>(i);
  const std::vector<std::size_t> lengths{2};
  const HookPlan plan(HookSpec().mean("hook_embed", data, {.pos = {0}}), kDims, lengths, 0);
  const PassRows pass{{0, 0, 2, 0}};
  ActivationCache cache;
  HookRun run(plan, pass, cache);
  Rows rows(filled({2, 4}));
  run.visit(Site::kEmbed, -1, rows.view());
  EXPECT_EQ(rows.view()(0, 0), 10.0F);  // (0 + 4 + ... + 20) / 6
  EXPECT_EQ(rows.view()(0, 3), 13.0F);
  EXPECT_EQ(rows.view()(1, 0), 5.0F);
}

}  // namespace
}  // namespace cutaway
