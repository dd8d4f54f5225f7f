// Checkpoints that are broken, or say something that this version does not understand.
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "unit/model/golden.h"

namespace cutaway {
namespace {

namespace fs = std::filesystem;

/// A private copy of a fixture that a test may damage.
class Checkpoint {
 public:
  explicit Checkpoint(const std::string& fixture = "llama_gqa") {
    static int counter = 0;
    folder_ = fs::path(::testing::TempDir()) /
              ("cutaway_load_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
    fs::remove_all(folder_);
    fs::copy(testing::models_folder() / fixture, folder_, fs::copy_options::recursive);
  }
  ~Checkpoint() { fs::remove_all(folder_); }
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  const fs::path& folder() const { return folder_; }

  /// Gives config.json the member `"key": value` in place of the one it has.
  void set(const std::string& key, const std::string& value) {
    const io::Json json = io::Json::load(folder_ / "config.json");
    std::ifstream in(folder_ / "config.json");
    std::stringstream text;
    text << in.rdbuf();
    std::string out = text.str();
    if (json.find(key) != nullptr) {  // the old member under another name that nobody minds
      out.replace(out.find("\"" + key + "\":"), key.size() + 2, "\"_commit_hash\"");
    }
    out.insert(out.find('{') + 1, "\n  \"" + key + "\": " + value + ",");
    std::ofstream(folder_ / "config.json") << out;
  }

  using Tensors = std::vector<io::TensorToWrite>;
  /// Rewrites model.safetensors after `change`.
  void rewrite(const std::function<void(Tensors&)>& change) {
    const auto file = io::read_safetensors(folder_ / "model.safetensors", false);
    Tensors tensors;
    for (const io::StoredTensor& t : file.tensors)
      tensors.push_back({t.name, t.dtype, t.shape, t.bytes});
    change(tensors);
    io::write_safetensors(folder_ / "model.safetensors", tensors);
  }
  static io::TensorToWrite& find(Tensors& tensors, const std::string& name) {
    for (auto& t : tensors) {
      if (t.name == name) return t;
    }
    throw std::runtime_error("no " + name);
  }

  Model load(LoadOptions options = {}) const {
    return Model::load(folder_, Runtime({.threads = 1}), std::move(options));
  }

  template <typename E>
  std::string refused() const {
    try {
      load();
    } catch (const E& e) {
      const std::string text = e.what();
      return text.substr(text.find(folder_.string()) == 0 ? folder_.string().size() : 0);
    } catch (const std::exception& e) {
      return std::string("another error: ") + e.what();
    }
    return "accepted";
  }

 private:
  fs::path folder_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Load, AnUnknownConfigFieldIsRefusedUnlessIgnored) {
  Checkpoint c;
  c.set("residual_multiplier", "0.5");
  const std::string text = c.refused<UnsupportedError>();
  EXPECT_EQ(text,
            "/config.json: fields 'residual_multiplier' not understood, and may change the "
            "numbers; if you know that they do not, name them in `ignore_config`");
  EXPECT_NO_THROW(c.load({.ignore_config = {"residual_multiplier"}}));
  c.set("residual_multiplier", "null");
  EXPECT_EQ(c.refused<Error>(), "accepted");
}

TEST(Load, ValuesThatAreNotHandledAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"hidden_act", "\"relu6\""},
      {"rope_parameters", "{\"rope_type\": \"spiral\", \"rope_theta\": 10000.0}"},
      {"rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": 10000.0, \"mystery\": 1}"},
      {"rope_parameters",
       "{\"rope_type\": \"default\", \"rope_theta\": 10000.0, \"partial_rotary_factor\": 0.5}"},
      {"quantization_config", "{\"bits\": 4}"},
      {"rope_interleaved", "true"}};
  for (const auto& [key, value] : cases) {
    Checkpoint c;
    c.set(key, value);
    const std::string text = c.refused<UnsupportedError>();
    EXPECT_EQ(text.find("/config.json: "), 0U) << key << ": " << text;
  }
}

TEST(Load, ImpossibleValuesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"hidden_size", "0"},
      {"hidden_size", "-8"},
      {"hidden_size", "\"8\""},
      {"hidden_size", "1e30"},
      {"num_hidden_layers", "99999999"},
      {"num_attention_heads", "5"},
      {"num_key_value_heads", "0"},
      {"rms_norm_eps", "-1"},
      {"head_dim", "7"},
      {"vocab_size", "4294967296"},
      {"rope_parameters", "[1]"},
      {"num_hidden_layers", "50"},
      {"rope_parameters", "{\"rope_type\": \"llama3\", \"rope_theta\": 10000.0, \"factor\": 8.0}"}};
  for (const auto& [key, value] : cases) {
    Checkpoint c;
    c.set(key, value);
    const std::string text = c.refused<FormatError>();
    EXPECT_TRUE(text[0] == '/' || text[0] == ':') << key << " = " << value << ": " << text;
  }
}

TEST(Load, MissingAndMisshapenTensorsAreNamed) {
  Checkpoint missing;
  missing.rewrite([](auto& tensors) {
    std::erase_if(tensors, [](const auto& t) { return t.name == "model.norm.weight"; });
  });
  EXPECT_EQ(missing.refused<FormatError>(), ": tensor 'model.norm.weight' is missing");

  Checkpoint misshapen;
  misshapen.rewrite([](auto& tensors) {
    auto& t = Checkpoint::find(tensors, "model.layers.0.mlp.up_proj.weight");
    std::swap(t.shape[0], t.shape[1]);
  });
  const std::string text = misshapen.refused<FormatError>();
  EXPECT_TRUE(contains(text, "tensor 'model.layers.0.mlp.up_proj.weight' has shape")) << text;
  EXPECT_TRUE(contains(text, "the config implies")) << text;
}

TEST(Load, ATensorThatNobodyReadsIsRefused) {
  Checkpoint c;
  const std::vector<float> extra(4);
  c.rewrite([&](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.q_norm.weight",
                       DType::kF32,
                       {4},
                       std::as_bytes(std::span(extra))});
  });
  EXPECT_EQ(c.refused<UnsupportedError>(),
            ": tensors that no part of this model reads: 'model.layers.0.self_attn.q_norm.weight'");
}

TEST(Load, BuffersOfOldCheckpointsAreKnown) {
  Checkpoint c;
  const std::vector<float> extra(4);
  c.rewrite([&](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq",
                       DType::kF32,
                       {4},
                       std::as_bytes(std::span(extra))});
  });
  EXPECT_EQ(c.refused<Error>(), "accepted");
}

TEST(Load, NanInANormIsFoundAtOnceAndInAMatrixWhenItRuns) {
  for (const char* name :
       {"model.norm.weight", "model.layers.1.self_attn.v_proj.weight", "lm_head.weight"}) {
    Checkpoint c;
    std::vector<float> copy;
    c.rewrite([&](auto& tensors) {
      auto& t = Checkpoint::find(tensors, name);
      copy.resize(t.bytes.size() / sizeof(float));
      std::memcpy(copy.data(), t.bytes.data(), t.bytes.size());
      copy[3] = std::numeric_limits<float>::quiet_NaN();
      t.bytes = std::as_bytes(std::span(copy));
    });
    try {
      c.load().run(std::vector<TokenId>{1, 2, 3});
      FAIL() << name;
    } catch (const FormatError& e) {
      EXPECT_TRUE(contains(e.what(), std::string("tensor '") + name + "' holds nan")) << e.what();
    }
  }
}

TEST(Load, ATiedModelMayHoldItsHeadTwiceButNotADifferentOne) {
  for (bool differ : {false, true}) {
    Checkpoint c("gemma2_caps");
    std::vector<std::byte> head;
    c.rewrite([&](auto& tensors) {
      const auto& embed = Checkpoint::find(tensors, "model.embed_tokens.weight");
      head.assign(embed.bytes.begin(), embed.bytes.end());
      if (differ) head[0] ^= std::byte{1};
      tensors.push_back({"lm_head.weight", embed.dtype, embed.shape, head});
    });
    EXPECT_EQ(c.refused<UnsupportedError>() == "accepted", !differ);
  }
}

TEST(Load, F64WeightsGiveTheSameNumbers) {
  Checkpoint c;
  std::vector<std::vector<double>> wide;
  c.rewrite([&](auto& tensors) {
    for (auto& t : tensors) {
      std::vector<float> values(t.bytes.size() / sizeof(float));
      std::memcpy(values.data(), t.bytes.data(), t.bytes.size());
      wide.emplace_back(values.begin(), values.end());
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      tensors[i].dtype = DType::kF64;
      tensors[i].bytes = std::as_bytes(std::span(wide[i]));
    }
  });
  const auto golden = testing::load_golden("llama_gqa");
  const Model plain = Model::load(golden.model(), Runtime({.threads = 1}));
  const RunResult a = plain.run(golden.tokens), b = c.load().run(golden.tokens);
  EXPECT_TRUE(std::ranges::equal(a.logits().values(), b.logits().values()));
}

TEST(Load, ATruncatedFileSaysHowManyBytesAreMissing) {
  Checkpoint c;
  const fs::path file = c.folder() / "model.safetensors";
  fs::resize_file(file, fs::file_size(file) - 10);
  const std::string text = c.refused<FormatError>();
  EXPECT_EQ(text.find("/model.safetensors: "), 0U) << text;
  EXPECT_TRUE(contains(text, "bytes")) << text;
}

TEST(Load, MissingFilesAreNamed) {
  Checkpoint c;
  fs::remove(c.folder() / "model.safetensors");
  EXPECT_TRUE(contains(c.refused<IoError>(), "model.safetensors")) << c.refused<IoError>();
  fs::remove(c.folder() / "config.json");
  EXPECT_TRUE(contains(c.refused<IoError>(), "without config.json"));
  EXPECT_THROW(Model::load("/nonexistent/model", Runtime({.threads = 1})), IoError);
  EXPECT_THROW(Model::load("nobody/nothing", Runtime({.threads = 1}), {.hub_cache = c.folder()}),
               IoError);
}

TEST(Load, AHubIdIsFoundInTheLocalCache) {
  Checkpoint c;
  const fs::path cache = c.folder() / "hub",
                 snapshot = cache / "models--tiny--llama" / "snapshots" / "abc123";
  fs::create_directories(snapshot);
  fs::create_directories(cache / "models--tiny--llama" / "refs");
  std::ofstream(cache / "models--tiny--llama" / "refs" / "main") << "abc123";
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy(c.folder() / file, snapshot / file);
  const Model model = Model::load("tiny/llama", Runtime({.threads = 1}), {.hub_cache = cache});
  EXPECT_EQ(model.name(), "tiny/llama");
  EXPECT_EQ(model.config().n_layers, c.load().config().n_layers);
}

TEST(Load, EndTokensComeFromTheGenerationConfigIfItIsThere) {
  Checkpoint c;
  std::ofstream(c.folder() / "generation_config.json") << R"({"eos_token_id": [3, 4]})";
  EXPECT_EQ(c.load().config().eos_ids, (std::vector<std::int32_t>{3, 4}));
}

/// Puts `value` in place of a 4-byte metadata value (the key, then the type in 4 bytes).
template <typename T>
fs::path damaged_gguf(const Checkpoint& c, const std::string& key, T value) {
  static_assert(sizeof(T) == 4);
  const fs::path path = c.folder() / "model.gguf";
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::string bytes = text.str();
  const auto at = bytes.find(key);
  EXPECT_NE(at, std::string::npos);
  std::memcpy(bytes.data() + at + key.size() + 4, &value, 4);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(Load, GgufFactorsAndRotatedDimensionsAreChecked) {
  const Runtime runtime({.threads = 1});
  for (const char* key : {"granite.logit_scale", "granite.residual_scale"}) {
    for (float bad : {0.0F, -1.0F, std::numeric_limits<float>::infinity()}) {
      Checkpoint c("granite_gguf_f32");
      EXPECT_THROW(Model::load(damaged_gguf(c, key, bad), runtime), FormatError) << key << bad;
    }
  }
  Checkpoint odd("gpt_neox_gguf_f32"), wide("gpt_neox_gguf_f32"), whole("granite_gguf_f32");
  EXPECT_THROW(Model::load(damaged_gguf(odd, "gptneox.rope.dimension_count", 3), runtime),
               FormatError);
  EXPECT_THROW(Model::load(damaged_gguf(wide, "gptneox.rope.dimension_count", 10), runtime),
               UnsupportedError);
  EXPECT_THROW(Model::load(damaged_gguf(whole, "granite.rope.dimension_count", 2), runtime),
               UnsupportedError);
}

TEST(Load, ReadingWholeGivesWhatMappingGives) {
  const auto golden = testing::load_golden("gemma3_gguf_f32");
  const Model mapped = Model::load(golden.model(), Runtime({.threads = 1}));
  const Model whole = Model::load(golden.model(), Runtime({.threads = 1}), {.use_mmap = false});
  EXPECT_TRUE(std::ranges::equal(mapped.run(golden.tokens).logits().values(),
                                 whole.run(golden.tokens).logits().values()));
}

TEST(Load, FactsOfAModel) {
  Checkpoint c;
  const Model model = c.load();
  std::uint64_t elements = 0;
  for (const WeightInfo& w : model.weights()) {
    std::uint64_t n = 1;
    for (std::size_t e : w.shape) n *= e;
    elements += n;
    EXPECT_EQ(w.dtype, DType::kF32);
  }
  EXPECT_EQ(model.parameter_count(), elements);
  EXPECT_EQ(model.mapped_bytes(), 4 * elements);
}

}  // namespace
}  // namespace cutaway
