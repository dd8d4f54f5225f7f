// Runs that share their work give the bits of runs one by one.
#include <cmath>
#include <cstring>
#include <random>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "model/reach.h"
#include "unit/model/golden.h"

namespace cutaway {
namespace {

::testing::AssertionResult same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape())
    return ::testing::AssertionFailure()
           << shape_string(a.shape()) << " and " << shape_string(b.shape());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float x = a.data()[i], y = b.data()[i];
    if (std::memcmp(&x, &y, sizeof(float)) != 0)
      return ::testing::AssertionFailure() << x << " and " << y << " at " << i;
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult same_result(const RunResult& many, const RunResult& one) {
  if (auto same = same_bits(many.logits(), one.logits()); !same) return same << " in the logits";
  if (many.cache().keys() != one.cache().keys())
    return ::testing::AssertionFailure()
           << many.cache().size() << " and " << one.cache().size() << " captures";
  for (const auto& [point, when] : one.cache().keys()) {
    if (auto same = same_bits(*many.cache().find(point, when), *one.cache().find(point, when));
        !same)
      return same << " at " << ActivationCache::key_name(point, when);
  }
  return ::testing::AssertionSuccess();
}

std::string describe(const HookSpec& hooks) {
  std::string out;
  for (const Edit& e : hooks.edits())
    out += std::string(edit_kind_name(e.kind)) + " " + e.where + "@" + e.pos.to_string() + " x" +
           std::to_string(e.factor) + "; ";
  return out;
}

/// Random edits and captures at random sites of a model.
class Generator {
 public:
  Generator(const Model& model, std::size_t length, unsigned seed)
      : model_(model), points_(model.hook_points()), length_(length), random_(seed) {}

  RunRequest request(const std::vector<TokenId>& tokens) {
    RunRequest r{.tokens = tokens};
    const std::size_t edits = below(4);  // none now and then
    for (std::size_t i = 0; i < edits; ++i) add_edit(r.hooks);
    const std::size_t captures = below(3);
    for (std::size_t i = 0; i < captures; ++i)
      r.hooks.capture(points_[below(points_.size())], below(3) == 0 ? When::kBefore : When::kAfter);
    constexpr LogitRows kRows[] = {LogitRows::kAll, LogitRows::kLast, LogitRows::kNone};
    r.logits = kRows[below(3)];
    return r;
  }

 private:
  std::size_t below(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
  }

  Positions positions() {
    switch (below(4)) {
      case 0:
        return {};
      case 1:
        return {-1};
      case 2:
        return {static_cast<std::int64_t>(below(length_))};
      default:
        return Positions::range(static_cast<std::int64_t>(below(length_)), std::nullopt);
    }
  }

  void add_edit(HookSpec& hooks) {
    if (below(6) == 0) {
      const auto query = static_cast<std::int64_t>(1 + below(length_ - 1));
      const auto key = static_cast<std::int64_t>(below(static_cast<std::size_t>(query)));
      hooks.knockout(static_cast<int>(below(static_cast<std::size_t>(model_.config().n_layers))),
                     {query}, {key});
      return;
    }
    HookPoint point = points_[below(points_.size())];
    while (point.site() == Site::kExpertIndices) point = points_[below(points_.size())];
    const std::string name = point.name();
    // Divisors stay away from 0: NaN at one position spreads to others as 0 · NaN.
    const bool is_divisor = name.ends_with("hook_scale");
    switch (is_divisor ? 1 : below(4)) {
      case 0:
        hooks.zero(name, {.pos = positions()});
        break;
      case 1:
        hooks.scale(name, 0.5F, {.pos = positions()});
        break;
      case 2:
        hooks.scale(name, 1.0F, {.pos = positions()});  // the clean value
        break;
      default:
        if (below(3) == 0) {
          hooks.call(name, [](Tensor& value, const EditContext&) {
            for (float& x : value.values()) {
              if (std::isfinite(x)) x *= 1.25F;
            }
          });
        } else {
          hooks.scale(name, -1.5F, {.pos = positions()});
        }
    }
  }

  const Model& model_;
  std::vector<HookPoint> points_;
  std::size_t length_;
  std::mt19937 random_;
};

class RunMany : public ::testing::TestWithParam<std::string> {
 protected:
  testing::Golden golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model(), Runtime({.threads = 2}));
};

TEST_P(RunMany, RandomEditsGiveTheBitsOfRunsOneByOne) {
  Generator generator(model, golden.tokens.size(), 11);
  std::vector<TokenId> other(golden.tokens.rbegin(), golden.tokens.rend());
  std::vector<RunRequest> requests;
  for (int i = 0; i < 40; ++i)
    requests.push_back(generator.request(i % 5 == 4 ? other : golden.tokens));
  for (std::size_t rows : {std::size_t{1024}, std::size_t{17}}) {
    const auto results = model.run_many(requests, {.rows_per_pass = rows});
    ASSERT_EQ(results.size(), requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const RunResult one =
          model.run(requests[i].tokens, requests[i].hooks, {.logits = requests[i].logits});
      EXPECT_TRUE(same_result(results[i], one))
          << "request " << i << ", " << rows << " rows: " << describe(requests[i].hooks);
    }
  }
}

TEST_P(RunMany, APatchingSweepGivesTheBitsOfRunsOneByOne) {
  // Every layer and position of resid_pre replaced by another prompt's value.
  std::vector<TokenId> corrupt = golden.tokens;
  corrupt[1] = (corrupt[1] + 1) % static_cast<TokenId>(model.config().d_vocab);
  const RunResult from = model.run(corrupt, HookSpec().capture("blocks.*.hook_resid_pre"));
  std::vector<RunRequest> requests;
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    const Tensor& values = from.at(HookPoint::resid_pre(layer));
    for (std::size_t p = 0; p < golden.tokens.size(); ++p) {
      const float* row = values.data() + p * model.config().d_model;
      Tensor value({model.config().d_model}, std::vector<float>(row, row + model.config().d_model));
      RunRequest r{.tokens = golden.tokens};
      r.hooks.replace(HookPoint::resid_pre(layer).name(), std::move(value),
                      {.pos = {static_cast<std::int64_t>(p)}});
      requests.push_back(std::move(r));
    }
  }
  const auto results = model.run_many(requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(same_bits(
        results[i].logits(),
        model.run(requests[i].tokens, requests[i].hooks, {.logits = LogitRows::kLast}).logits()))
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, RunMany, ::testing::ValuesIn(testing::golden_names()),
                         [](const auto& p) { return p.param; });

TEST(RunManyCalls, ErrorsNameTheRequestBeforeAnyWork) {
  const testing::Golden golden = testing::load_golden("llama_gqa");
  const Model model = Model::load(golden.model(), Runtime({.threads = 1}));
  int done = 0;
  std::vector<RunRequest> requests(3, RunRequest{.tokens = golden.tokens});
  const auto error = [&] {
    try {
      model.run_many(requests, [&](std::size_t, RunResult) { ++done; });
    } catch (const ArgumentError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  requests[1].hooks.zero("blocks.0.hook_resid_pots");
  EXPECT_EQ(error().find("request 1: "), 0U) << error();
  requests[1].hooks = HookSpec().zero("blocks.0.hook_resid_post", {.pos = {99}});
  EXPECT_EQ(error().find("request 1: "), 0U) << error();
  requests[1].hooks = {};
  requests[2].tokens.clear();
  EXPECT_EQ(error().find("request 2: "), 0U) << error();
  EXPECT_EQ(done, 0);
  EXPECT_THROW(model.run_many(std::span<const RunRequest>(requests).first(1), {.rows_per_pass = 0}),
               ArgumentError);
  EXPECT_TRUE(model.run_many(std::span<const RunRequest>()).empty());
}

TEST(RunManyCalls, AnInterruptKeepsWhatWasHandedOver) {
  const testing::Golden golden = testing::load_golden("llama_gqa");
  bool stop = false;
  const Model model =
      Model::load(golden.model(), Runtime({.threads = 1, .should_stop = [&] { return stop; }}));
  std::vector<RunRequest> requests;
  for (std::size_t p = 0; p < golden.tokens.size(); ++p) {
    requests.push_back({.tokens = golden.tokens});
    requests.back().hooks.zero("blocks.1.hook_mlp_out", {.pos = {static_cast<std::int64_t>(p)}});
  }
  std::vector<std::size_t> done;
  EXPECT_THROW(
      model.run_many(
          requests,
          [&](std::size_t i, RunResult r) {
            EXPECT_EQ(r.logits().shape(), (std::vector<std::size_t>{1, 1, model.config().d_vocab}));
            done.push_back(i);
            stop = done.size() >= 3;
          },
          {.rows_per_pass = 1}),
      InterruptedError);
  EXPECT_EQ(done.size(), 3U);
}

TEST(Reach, IsTheFirstLayerAndPositionThatAnEditTouches) {
  const HookDims dims{.n_layers = 4,
                      .d_model = 8,
                      .n_heads = 2,
                      .n_kv_heads = 1,
                      .d_head = 4,
                      .d_mlp = 8,
                      .d_vocab = 10};
  const std::vector<std::size_t> lengths{10};
  const auto reach = [&](const HookSpec& spec) {
    return reach_of(HookPlan(spec, dims, lengths, 0), 10);
  };
  const auto check = [](const Reach& r, int layer, std::size_t pos) {
    EXPECT_EQ(r.layer, layer);
    EXPECT_EQ(r.pos, pos);
  };
  check(reach({}), 4, 10);
  check(reach(HookSpec().capture("*")), 4, 10);
  check(reach(HookSpec().zero("blocks.2.attn.hook_z", {.pos = {3}})), 2, 3);
  check(reach(HookSpec().zero("blocks.2.hook_resid_post", {.pos = {-1}})), 3, 9);
  check(reach(HookSpec().zero("blocks.3.hook_resid_post", {.pos = {-1}})), 4, 9);
  check(reach(HookSpec().zero("hook_embed", {.pos = {5}})), 0, 5);
  check(reach(HookSpec().zero("logits", {.pos = {7}})), 4, 7);
  check(reach(HookSpec().knockout(1, {6}, {2})), 1, 6);
  check(reach(HookSpec()
                  .zero("blocks.2.attn.hook_z", {.pos = {3}})
                  .zero("blocks.1.attn.hook_z", {.pos = {8}})),
        1, 3);
  check(reach(HookSpec().call("blocks.2.hook_mlp_out", [](Tensor&, const EditContext&) {})), 2, 0);
}

}  // namespace
}  // namespace cutaway
