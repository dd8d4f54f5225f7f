// Every kind of edit at every site that allows it, against a float64 twin written from the formulas
// (tests/fixtures/models/twin.py, twin_families.py).
#include <cmath>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include "unit/model/golden.h"

namespace cutaway {
namespace {

// Of the largest logit: what two f32 engines may differ by (docs/numerics.md); the twin is f64.
constexpr double kTolerance = 1e-5;

EditKind kind_of(const std::string& name) {
  for (EditKind kind : {EditKind::kAdd, EditKind::kReplace, EditKind::kZero, EditKind::kScale,
                        EditKind::kMean, EditKind::kKnockout, EditKind::kCall}) {
    if (edit_kind_name(kind) == name) return kind;
  }
  ADD_FAILURE() << "unknown kind " << name;
  return EditKind::kZero;
}

void half_plus_quarter(Tensor& value, const EditContext&) {
  for (float& x : value.values()) x = 0.5F * x + 0.25F;
}

Edit edit_from(const io::Json& json, const std::map<std::string, Tensor>& values) {
  Edit edit{.kind = kind_of(json.at("kind").as_string()), .where = json.at("where").as_string()};
  if (const io::Json* pos = json.find("pos")) edit.pos = Positions::parse(pos->as_string());
  if (const io::Json* key = json.find("key")) edit.key = Positions::parse(key->as_string());
  if (const io::Json* head = json.find("head")) edit.head = static_cast<int>(head->as_int());
  if (const io::Json* factor = json.find("factor"))
    edit.factor = static_cast<float>(factor->as_double());
  if (const io::Json* value = json.find("value"))
    edit.value = std::make_shared<const Tensor>(values.at(value->as_string()));
  if (edit.kind == EditKind::kCall) edit.fn = half_plus_quarter;
  return edit;
}

double largest(std::span<const float> values) {
  double m = 0.0;
  for (float v : values) {
    if (std::isfinite(v)) m = std::max(m, std::abs(static_cast<double>(v)));
  }
  return m;
}

void expect_close(std::span<const float> ours, std::span<const float> golden,
                  const std::string& what) {
  ASSERT_EQ(ours.size(), golden.size()) << what;
  const double allowed = kTolerance * std::max(largest(golden), 1.0);
  for (std::size_t i = 0; i < golden.size(); ++i) {
    if (std::isnan(golden[i])) {
      EXPECT_TRUE(std::isnan(ours[i])) << what << " at " << i;
    } else if (std::isinf(golden[i])) {
      EXPECT_EQ(ours[i], golden[i]) << what << " at " << i;
    } else {
      ASSERT_NEAR(ours[i], golden[i], allowed) << what << " at " << i;
    }
  }
}

class EditCases : public ::testing::TestWithParam<std::string> {};

TEST_P(EditCases, AgreeWithTheTwin) {
  const auto golden = testing::load_golden(GetParam());
  const Model model = Model::load(golden.model(), Runtime({.threads = 2}));
  const io::Json json = io::Json::load(golden.folder / "edits.json");
  const auto values = testing::read_f32(golden.folder / "edits.safetensors");
  std::map<std::string, std::vector<double>> doubles;
  for (const io::StoredTensor& t :
       io::read_safetensors(golden.folder / "edits.safetensors").tensors) {
    if (t.dtype == DType::kF64) {
      auto& out = doubles[t.name];
      out.resize(t.count());
      std::memcpy(out.data(), t.bytes.data(), t.bytes.size());
    }
  }
  const std::size_t length = golden.tokens.size(), d_vocab = model.config().d_vocab;
  const auto rows = static_cast<std::size_t>(json.at("rows").as_int());
  const Tensor& logits = values.at("logits");
  const auto probe = values.at("probe").values();
  double probe_sum = 0.0;
  for (float p : probe) probe_sum += std::abs(static_cast<double>(p));
  std::size_t index = 0;
  for (const io::Json& c : json.at("cases").items()) {
    const std::string& name = c.at("name").as_string();
    HookSpec hooks;
    for (const io::Json& e : c.at("edits").items()) hooks.edit(edit_from(e, values));
    if (const io::Json* capture = c.find("capture"))
      hooks.capture(capture->as_string()).capture(capture->as_string(), When::kBefore);
    const RunResult out = model.run(golden.tokens, hooks);
    const auto ours = out.logits().values();
    expect_close(ours.last(rows * d_vocab),
                 logits.values().subspan(index * rows * d_vocab, rows * d_vocab), name);
    if (const io::Json* all = c.find("logits"))
      expect_close(ours, values.at(all->as_string()).values(), name);
    // Every position counts: its product with a fixed vector.
    const double scale = std::max(largest(ours), 1.0);
    for (std::size_t p = 0; p < length; ++p) {
      double dot = 0.0;
      for (std::size_t i = 0; i < d_vocab; ++i)
        dot += static_cast<double>(ours[p * d_vocab + i]) * static_cast<double>(probe[i]);
      const double wanted = doubles.at("probes")[index * length + p];
      if (std::isnan(wanted)) {
        EXPECT_TRUE(std::isnan(dot)) << name;
      } else {
        EXPECT_NEAR(dot, wanted, kTolerance * scale * probe_sum) << name << " at position " << p;
      }
    }
    if (const io::Json* capture = c.find("capture")) {
      const HookPoint point = HookPoint::parse(capture->as_string());
      expect_close(out.cache().at(point, When::kBefore).values(),
                   values.at(c.at("before").as_string()).values(), name + ", before");
      expect_close(out.cache().at(point, When::kAfter).values(),
                   values.at(c.at("after").as_string()).values(), name + ", after");
    }
    ++index;
  }
  EXPECT_GT(index, 150U);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, EditCases,
                         ::testing::Values("llama_bias", "gemma2_caps", "gemma3_linear", "gpt2_all",
                                           "gpt_neox_sequential", "cohere_all", "olmo2_all",
                                           "granite_all", "mixtral_all"),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace cutaway
