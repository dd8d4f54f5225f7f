// Whole tasks on the model of $CUTAWAY_MODEL: forward passes, captures, the lens, generation. The
// difference between Forward and ForwardCapturing is what hooks cost.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <vector>

#include <cutaway/cutaway.h>

namespace {

using namespace cutaway;

std::optional<Model> model;  // loaded by main, before any benchmark runs

// Ordinary words are not needed: the arithmetic does not look at the ids.
std::vector<TokenId> tokens(std::size_t count) {
  std::vector<TokenId> ids(count);
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = static_cast<TokenId>(100 + (i * 37) % (model->config().d_vocab / 2));
  }
  return ids;
}

void forward(benchmark::State& state, const HookSpec& hooks, LogitRows rows) {
  const auto ids = tokens(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(model->run(ids, hooks, {.logits = rows}));
  }
  state.counters["tokens/s"] = benchmark::Counter(static_cast<double>(ids.size()),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void Forward(benchmark::State& state) { forward(state, {}, LogitRows::kLast); }
void ForwardAllLogits(benchmark::State& state) { forward(state, {}, LogitRows::kAll); }
void ForwardCapturingResiduals(benchmark::State& state) {
  HookSpec hooks;
  hooks.capture("blocks.*.hook_resid_post");
  forward(state, hooks, LogitRows::kLast);
}
void ForwardCapturingEverything(benchmark::State& state) {
  HookSpec hooks;
  hooks.capture("*");
  forward(state, hooks, LogitRows::kLast);
}

void Lens(benchmark::State& state) {
  const auto ids = tokens(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(logit_lens(*model, ids, {.pos = {-1}}));
}

void Generate(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::vector<TokenId>> prompt{tokens(8)};
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        model->generate(prompt, {}, {.max_new_tokens = count, .stop_at_eos = false}));
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(Forward)->Arg(8)->Arg(64)->Arg(512)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ForwardAllLogits)->Arg(8)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ForwardCapturingResiduals)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ForwardCapturingEverything)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Lens)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Generate)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const char* path = std::getenv("CUTAWAY_MODEL");
  if (path == nullptr) {
    std::cerr << "model_bench: $CUTAWAY_MODEL is not set: nothing measured\n";
    return 0;
  }
  const Runtime runtime;
  model = Model::load(path, runtime);
  benchmark::AddCustomContext("model", model->name());
  benchmark::AddCustomContext("threads", std::to_string(runtime.threads()));
  benchmark::AddCustomContext("simd", std::string(simd_target()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "model_bench: error: " << error.what() << '\n';
  return 1;
}
