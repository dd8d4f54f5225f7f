// A stated limit is obeyed, or the run is refused before it starts.
#include "model/memory.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <unistd.h>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "unit/model/golden.h"

namespace cutaway {
namespace {

namespace fs = std::filesystem;

std::uint64_t resident() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long long size = 0, pages = 0;
  if (file == nullptr || std::fscanf(file, "%llu %llu", &size, &pages) != 2) pages = 0;
  if (file != nullptr) std::fclose(file);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// A Llama of 16 layers whose weights are large beside everything else: 75 MB.
class LargeLlama {
 public:
  LargeLlama() {
    std::string pattern = (fs::temp_directory_path() / "cutaway-memory-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(folder_ / "config.json")
        << R"({"model_type": "llama", "hidden_size": 256, "num_hidden_layers": 16,
               "num_attention_heads": 4, "intermediate_size": 1024, "vocab_size": 8000,
               "tie_word_embeddings": true})";
    add("model.embed_tokens.weight", {8000, 256});
    add("model.norm.weight", {256});
    for (int i = 0; i < 16; ++i) {
      const std::string at = "model.layers." + std::to_string(i) + ".";
      for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
        add(at + norm + ".weight", {256});
      for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
        add(at + "self_attn." + name + ".weight", {256, 256});
      add(at + "mlp.gate_proj.weight", {1024, 256});
      add(at + "mlp.up_proj.weight", {1024, 256});
      add(at + "mlp.down_proj.weight", {256, 1024});
    }
    std::vector<io::TensorToWrite> out;
    for (const auto& [name, value] : values_)
      out.push_back(
          {name, DType::kF32, value.shape(), std::as_bytes(std::span(value.data(), value.size()))});
    io::write_safetensors(folder_ / "model.safetensors", out);
    values_.clear();
  }
  ~LargeLlama() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Model load(std::uint64_t limit) const {
    return Model::load(folder_, Runtime({.threads = 2, .memory_limit = limit}));
  }

 private:
  void add(const std::string& name, std::vector<std::size_t> shape) {
    Tensor t = Tensor::uninitialized(std::move(shape));
    std::uniform_real_distribution<float> uniform(-0.1F, 0.1F);
    for (float& x : t.values()) x = uniform(random_);
    values_.emplace_back(name, std::move(t));
  }

  fs::path folder_;
  std::mt19937 random_{7};
  std::vector<std::pair<std::string, Tensor>> values_;
};

TEST(Memory, ARunThatCannotFitIsRefusedBeforehand) {
  const testing::Golden golden = testing::load_golden("llama_gqa");
  const Model model = Model::load(golden.model(), Runtime({.threads = 1, .memory_limit = 1000000}));
  int calls = 0;
  HookSpec hooks;
  hooks.call("hook_embed", [&](Tensor&, const EditContext&) { ++calls; });
  for (const auto& run : {std::function<void()>([&] { (void)model.run(golden.tokens, hooks); }),
                          std::function<void()>([&] {
                            (void)model.generate({golden.tokens}, hooks, {.max_new_tokens = 4});
                          })}) {
    try {
      run();
      ADD_FAILURE() << "a limit of 1 MB was not noticed";
    } catch (const ArgumentError& error) {
      EXPECT_EQ(std::string(error.what()).find("memory: this run needs "), 0U) << error.what();
      EXPECT_NE(std::string(error.what()).find("and 1.0 MB is allowed"), std::string::npos);
    }
  }
  EXPECT_EQ(calls, 0);
}

TEST(Memory, WeightsThatDoNotFitAreLetGoLayerByLayerWithTheSameBits) {
  const LargeLlama llama;
  const std::vector<TokenId> tokens{1, 7, 99, 4000, 7999};
  const Model free = llama.load(0);
  const Tensor expected = free.run(tokens).logits();
  const auto greedy = free.generate({tokens}, {}, {.max_new_tokens = 3, .stop_at_eos = false});
  ASSERT_GT(free.mapped_bytes(), 70000000U);

  // Room for a layer and a piece of W_U, not for all.
  const Model limited = llama.load(resident() + 45000000);
  const Tensor logits = limited.run(tokens).logits();
  ASSERT_EQ(logits.size(), expected.size());
  EXPECT_EQ(std::memcmp(logits.data(), expected.data(), logits.size() * sizeof(float)), 0);
  EXPECT_EQ(limited.generate({tokens}, {}, {.max_new_tokens = 3, .stop_at_eos = false}), greedy);
  const std::uint64_t after = resident();
  (void)limited.run(tokens);
  EXPECT_LT(resident(), after + 20000000) << "the weights stayed";
}

TEST(Memory, TheEstimateCountsWhatIsAskedFor) {
  const testing::Golden golden = testing::load_golden("llama_gqa");
  const Model model = Model::load(golden.model(), Runtime({.threads = 1}));
  const Model::Impl& m = model.impl();
  const std::vector<std::size_t> lengths{10, 4};
  const auto use = [&](const HookSpec& hooks, LogitRows want) {
    const HookPlan plan(hooks, m.config.hook_dims(), lengths, 0);
    return memory_use(m, lengths, 0, 1, plan, want);
  };
  const MemoryUse plain = use({}, LogitRows::kAll), last = use({}, LogitRows::kLast);
  EXPECT_EQ(plain.captures, 0U);
  EXPECT_EQ(plain.logits, 4U * 3 * 14 * m.config.d_vocab);
  EXPECT_EQ(last.logits, 4U * 3 * 2 * m.config.d_vocab);
  EXPECT_EQ(use({}, LogitRows::kNone).logits, 0U);
  const MemoryUse resid = use(HookSpec().capture("blocks.*.hook_resid_post"), LogitRows::kNone);
  EXPECT_EQ(resid.captures,
            4U * 2 * 10 * m.config.d_model * static_cast<unsigned>(m.config.n_layers));
  const MemoryUse pattern = use(HookSpec().capture("blocks.0.attn.hook_pattern"), LogitRows::kNone);
  EXPECT_EQ(pattern.captures, 4U * 2 * m.config.n_heads * 10 * 10);
  EXPECT_EQ(pattern.edges, 4U * m.config.n_heads * (100 + 16));
}

}  // namespace
}  // namespace cutaway
