// How fast is a text cut into tokens? The small tokenizers of tests/fixtures/tokenizers, one a
// kind, on a mixed text of 256 KiB, without and with offsets.
//
// Counter: bytes of text a second. Published files against Hugging Face's tokenizers:
// tests/unit/tokenizer/compare_real.py.
#include <benchmark/benchmark.h>
#include <cutaway/tokenizer.h>

#include <fstream>
#include <iterator>
#include <string>

namespace cutaway {
namespace {

constexpr std::size_t kTextSize = std::size_t{1} << 18;

/// The script that made the fixtures: prose, code and texts of many languages; again and again.
std::string mixed_text() {
  std::ifstream file(CUTAWAY_FIXTURES "/tokenizers/make_tokenizers.py", std::ios::binary);
  const std::string once{std::istreambuf_iterator<char>(file), {}};
  std::string text;
  while (!once.empty() && text.size() < kTextSize) text += once;
  return text;
}

void encode(benchmark::State& state, const std::string& name, bool with_offsets) {
  const Tokenizer tokenizer = Tokenizer::load(CUTAWAY_FIXTURES "/tokenizers/" + name + ".json");
  const std::string text = mixed_text();
  for (auto _ : state) {
    if (with_offsets) {
      benchmark::DoNotOptimize(tokenizer.encode_with_offsets(text));
    } else {
      benchmark::DoNotOptimize(tokenizer.encode(text));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void decode(benchmark::State& state, const std::string& name) {
  const Tokenizer tokenizer = Tokenizer::load(CUTAWAY_FIXTURES "/tokenizers/" + name + ".json");
  const std::string text = mixed_text();
  const auto ids = tokenizer.encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.decode(ids));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

}  // namespace
}  // namespace cutaway

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const char* name : {"llama3", "gpt2", "o200k", "deepseek", "unusual_regex", "spm_legacy",
                           "spm_gemma", "unigram", "bert", "ranks_tekken"}) {
    const std::string label = name;
    benchmark::RegisterBenchmark(("encode/" + label).c_str(), cutaway::encode, label, false);
    benchmark::RegisterBenchmark(("encode_with_offsets/" + label).c_str(), cutaway::encode, label,
                                 true);
    benchmark::RegisterBenchmark(("decode/" + label).c_str(), cutaway::decode, label);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
