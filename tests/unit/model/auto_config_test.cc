// A checkpoint whose model type nobody knows: the same axes as the family's row gives, or what is
// missing.
#include "model/auto_config.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include <cutaway/error.h>

#include "model/config_hf.h"
#include "unit/model/golden.h"

namespace cutaway {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TensorShapes names_only(std::initializer_list<const char*> names) {
  TensorShapes out;
  for (const char* name : names) out.emplace(name, std::vector<std::size_t>{8, 8});
  return out;
}

io::Json config(const std::string& more = "") {
  return io::Json::parse(
      "{\"model_type\": \"stranger\", \"hidden_size\": 8, \"num_hidden_layers\": 1, "
      "\"num_attention_heads\": 2, \"intermediate_size\": 16, \"vocab_size\": 10" +
          more + "}",
      "config.json");
}

bool any_has(const std::vector<std::string>& issues, std::string_view part) {
  return std::any_of(issues.begin(), issues.end(),
                     [&](const std::string& i) { return i.find(part) != std::string::npos; });
}

class AutoConfig : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> folders() {
  std::vector<std::string> out;
  for (const std::string& name : testing::golden_names()) {
    if (fs::exists(testing::models_folder() / name / "config.json")) out.push_back(name);
  }
  return out;
}

TEST_P(AutoConfig, RenamedFamilyGivesTheFamilysConfig) {
  const fs::path folder = testing::models_folder() / GetParam();
  const std::string text = text_of(folder / "config.json");
  const io::Json known = io::Json::parse(text, "config.json");
  const std::string type = known.at("model_type").as_string();
  // Gemma's norms add one to their weights, which only the name tells (core.md 3.4, tier 4).
  const std::string stranger = type.starts_with("gemma") ? "somegemma" : "stranger";
  const io::Json renamed =
      io::Json::parse(std::regex_replace(text, std::regex("(\"model_type\": *)\"[^\"]*\""),
                                         "$1\"" + stranger + "\""),
                      "config.json");
  const Family* family = find_family(type);
  ASSERT_NE(family, nullptr) << type;
  const ModelConfig expected = config_from_json(known, *family, {});
  const TensorShapes shapes = shapes_of(testing::stored_tensors(folder));
  EXPECT_EQ(compatibility_issues(renamed, shapes), std::vector<std::string>{});
  const Family made = auto_family(renamed, shapes);
  ModelConfig got = config_from_json(renamed, made, {});
  got.model_type = expected.model_type;
  // A Granite file without its multipliers: nothing but the family says that attention is unscaled.
  if (GetParam() == "granite_ones") got.attn_scale = expected.attn_scale;
  EXPECT_TRUE(got == expected);
  EXPECT_EQ(made.names.prefix, family->names.prefix);
  EXPECT_EQ(made.transposed, family->transposed);
  EXPECT_EQ(made.qkv, family->qkv);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AutoConfig, ::testing::ValuesIn(folders()),
                         [](const auto& p) { return p.param; });

TEST(Compatibility, BloomIsToldApart) {
  const auto issues = compatibility_issues(
      io::Json::parse("{\"model_type\": \"bloom\", \"hidden_size\": 8, \"n_layer\": 1, "
                      "\"n_head\": 2, \"vocab_size\": 10}",
                      "config.json"),
      names_only({"word_embeddings.weight", "word_embeddings_layernorm.weight",
                  "h.0.input_layernorm.weight", "h.0.self_attention.query_key_value.weight",
                  "h.0.self_attention.dense.weight", "h.0.mlp.dense_h_to_4h.weight",
                  "ln_f.weight"}));
  EXPECT_TRUE(any_has(issues, "config.json has no 'intermediate_size'"));
  EXPECT_TRUE(any_has(issues,
                      "no embedding 'model.embed_tokens.weight' (the file has "
                      "'word_embeddings.weight'"));
  EXPECT_TRUE(any_has(issues, "no final norm 'model.norm.weight' (the file has 'ln_f.weight')"));
  EXPECT_TRUE(any_has(issues, "GPT-2 or BLOOM"));
}

TEST(Compatibility, FalconIsToldApart) {
  const auto issues = compatibility_issues(
      config(), names_only({"transformer.word_embeddings.weight", "transformer.ln_f.weight",
                            "transformer.h.0.input_layernorm.weight",
                            "transformer.h.0.self_attention.query_key_value.weight",
                            "transformer.h.0.self_attention.dense.weight",
                            "transformer.h.0.mlp.dense_h_to_4h.weight",
                            "transformer.h.0.mlp.dense_4h_to_h.weight"}));
  EXPECT_TRUE(any_has(issues, "'transformer.h.' are those of GPT-2, GPT-J, BLOOM or Falcon"));
  EXPECT_TRUE(any_has(issues,
                      "q_proj.weight' or 'qkv_proj' (the file has "
                      "'transformer.h.0.self_attention.dense.weight'"));
}

TEST(Compatibility, MambaIsToldApart) {
  const auto issues = compatibility_issues(
      config(), names_only({"backbone.embeddings.weight", "backbone.layers.0.mixer.A_log",
                            "backbone.layers.0.norm.weight", "backbone.norm_f.weight"}));
  EXPECT_TRUE(any_has(issues, "'backbone.layers.' are those of Mamba"));
  EXPECT_TRUE(any_has(issues, "no 'model.layers.0.self_attn.q_proj.weight'"));
}

const std::initializer_list<const char*> kLlama = {"model.embed_tokens.weight",
                                                   "model.norm.weight",
                                                   "lm_head.weight",
                                                   "model.layers.0.input_layernorm.weight",
                                                   "model.layers.0.post_attention_layernorm.weight",
                                                   "model.layers.0.self_attn.q_proj.weight",
                                                   "model.layers.0.self_attn.k_proj.weight",
                                                   "model.layers.0.self_attn.v_proj.weight",
                                                   "model.layers.0.self_attn.o_proj.weight",
                                                   "model.layers.0.mlp.gate_proj.weight",
                                                   "model.layers.0.mlp.up_proj.weight",
                                                   "model.layers.0.mlp.down_proj.weight"};

TensorShapes llama_without(std::string_view left_out) {
  TensorShapes out = names_only(kLlama);
  out.erase(out.find(left_out));
  return out;
}

TEST(Compatibility, OneMissingPartIsOneIssue) {
  EXPECT_TRUE(compatibility_issues(config(), names_only(kLlama)).empty());
  const std::pair<const char*, const char*> cases[] = {
      {"model.embed_tokens.weight", "no embedding"},
      {"model.norm.weight", "no final norm"},
      {"model.layers.0.input_layernorm.weight", "no norm 'model.layers.0.input_layernorm"},
      {"model.layers.0.self_attn.q_proj.weight", "self_attn.q_proj"},
      {"model.layers.0.mlp.up_proj.weight", "no MLP"},
      {"model.layers.0.mlp.gate_proj.weight", "no MLP"}};
  for (const auto& [name, issue] : cases) {
    const auto issues = compatibility_issues(config(), llama_without(name));
    EXPECT_EQ(issues.size(), 1U) << name;
    EXPECT_TRUE(any_has(issues, issue)) << name;
  }
  const auto untied = compatibility_issues(config(", \"tie_word_embeddings\": false"),
                                           llama_without("lm_head.weight"));
  EXPECT_TRUE(any_has(untied, "there is no 'lm_head.weight'"));
}

TEST(Compatibility, WhatCannotBeToldIsNotGuessed) {
  // One norm a layer without Cohere's logit_scale; Gemma's looks without its name.
  EXPECT_TRUE(
      any_has(compatibility_issues(config(),
                                   llama_without("model.layers.0.post_attention_layernorm.weight")),
              "no 'logit_scale'"));
  const io::Json gelu = config(", \"hidden_act\": \"gelu\", \"rms_norm_eps\": 1e-6");
  EXPECT_TRUE(any_has(compatibility_issues(gelu, names_only(kLlama)), "1 + weight"));
  EXPECT_THROW(auto_family(gelu, names_only(kLlama)), UnsupportedError);
}

TEST(Compatibility, CheckReadsAFolder) {
  const auto known = Model::check(testing::models_folder() / "llama_gqa");
  EXPECT_EQ(known.model_type, "llama");
  EXPECT_TRUE(known.is_known_family);
  EXPECT_TRUE(known.issues.empty());
  const auto gguf = Model::check(testing::models_folder() / "gemma2_gguf_q" / "model.gguf");
  EXPECT_EQ(gguf.model_type, "gemma2");
  EXPECT_TRUE(gguf.issues.empty());
}

}  // namespace
}  // namespace cutaway
