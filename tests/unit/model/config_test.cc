// config.json by itself: what absent keys mean (transformers' own defaults), and what may not be
// absent.
#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "io/json_writer.h"
#include "model/config_hf.h"
#include "unit/model/golden.h"

namespace cutaway {
namespace {

const io::Json& defaults() {
  static const io::Json json = io::Json::load(testing::models_folder() / "defaults.json");
  return json;
}

/// A config.json of the sizes alone, without one of them if it is named.
std::string sizes_only(std::string_view family, std::string_view left_out = "") {
  io::JsonWriter json;
  json.begin_object();
  json.member("model_type", family);
  for (const auto& [key, value] : defaults().at(family).at("given").members()) {
    if (key != left_out) json.member(key, value.as_int());
  }
  json.end_object();
  return json.take();
}

class ConfigDefaults : public ::testing::TestWithParam<std::string> {};

TEST_P(ConfigDefaults, AbsentKeysMeanWhatTransformersMeans) {
  const std::string& name = GetParam();
  const io::Json& expected = defaults().at(name);
  const ModelConfig c =
      config_from_json(io::Json::parse(sizes_only(name), "config.json"), *find_family(name), {});
  EXPECT_EQ(c.n_ctx, static_cast<std::size_t>(expected.at("n_ctx").as_int()));
  EXPECT_EQ(c.norm_eps, expected.at("norm_eps").as_double());
  EXPECT_EQ(act_name(c.act), expected.at("act").as_string());
  EXPECT_EQ(c.tied_embeddings, expected.at("tied_embeddings").as_bool());
  EXPECT_EQ(c.d_head, static_cast<std::size_t>(expected.at("d_head").as_int()));
  EXPECT_EQ(c.d_mlp, static_cast<std::size_t>(expected.at("d_mlp").as_int()));
  EXPECT_EQ(c.rope.dims, static_cast<std::size_t>(expected.at("rotary_dims").as_int()));
  if (c.rope.dims > 0) {
    EXPECT_EQ(c.rope.theta, expected.at("rope_theta").as_double());
  }
}

TEST_P(ConfigDefaults, EveryMissingSizeIsNamed) {
  const std::string& name = GetParam();
  for (const auto& [key, value] : defaults().at(name).at("given").members()) {
    try {
      config_from_json(io::Json::parse(sizes_only(name, key), "config.json"), *find_family(name),
                       {});
      ADD_FAILURE() << name << " loads without " << key;
    } catch (const FormatError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + key + "' is missing"), std::string::npos)
          << error.what();
    }
  }
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [family, expected] : defaults().members()) out.push_back(family);
  return out;
}

TEST(ConfigDefaultsTable, HasEveryFamily) { EXPECT_EQ(names().size(), families().size()); }

INSTANTIATE_TEST_SUITE_P(Families, ConfigDefaults, ::testing::ValuesIn(names()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace cutaway
