// How near to the FMA roof is causal attention, whole and with its phases written out?
//
// Counters: GFs (1e9 operations a second, those that a causal mask leaves) and percent of the FMA
// roof measured in this run.
#include <benchmark/benchmark.h>
#include <cutaway/runtime.h>

#include <cmath>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "kernels/attention.h"
#include "roofs.h"

namespace cutaway {
namespace {

double roof(int threads) {
  static std::map<int, double> known;
  if (const auto it = known.find(threads); it != known.end()) return it->second;
  ThreadPool pool(threads);
  const double gfs = bench::fma_roof(pool);
  std::cout << "threads " << threads << ": FMA roof " << gfs << " GF/s\n";
  return known[threads] = gfs;
}

void attention(benchmark::State& state, bool phases) {
  constexpr std::size_t kHeads = 8;
  constexpr std::size_t kKvHeads = 2;
  const auto keys = static_cast<std::size_t>(state.range(0));
  const auto d_head = static_cast<std::size_t>(state.range(1));
  const auto queries = static_cast<std::size_t>(state.range(2));
  const auto threads = static_cast<int>(state.range(3));
  const double peak = roof(threads);
  ThreadPool pool(threads);
  const kernels::AttentionShape shape{queries,
                                      keys,
                                      keys - queries,
                                      kHeads,
                                      kKvHeads,
                                      d_head,
                                      1.0F / std::sqrt(static_cast<float>(d_head)),
                                      0,
                                      0};
  const auto filled = [](std::size_t n) {
    std::vector<float> v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(i * 7919 % 997) / 500.0F - 1.0F;
    return v;
  };
  const std::vector<float> q = filled(queries * kHeads * d_head);
  const std::vector<float> k = filled(kKvHeads * d_head * keys);
  const std::vector<float> v = filled(kKvHeads * d_head * keys);
  std::vector<float> z(q.size());
  std::vector<float> scores(phases ? kHeads * queries * keys : 0);
  const TensorView<const float, 3> query(q.data(), {queries, kHeads, d_head});
  const kernels::KeyView key(k.data(), {kKvHeads, d_head, keys});
  const kernels::ValueView value(v.data(), {kKvHeads, keys, d_head});
  const TensorView<float, 3> out(z.data(), {queries, kHeads, d_head});
  const TensorView<float, 3> rows(scores.data(), {kHeads, queries, keys});
  for (auto _ : state) {
    if (phases) {
      kernels::attention_scores(shape, query, key, rows, pool);
      kernels::attention_cap_and_mask(shape, rows, pool);
      kernels::attention_softmax(rows, pool);
      kernels::attention_values(shape, rows, value, out, pool);
    } else {
      kernels::attention(shape, query, key, value, out, pool);
    }
    benchmark::DoNotOptimize(z.data());
    benchmark::ClobberMemory();
  }
  const double seen = static_cast<double>(queries) *
                      (static_cast<double>(keys) - 0.5 * (static_cast<double>(queries) - 1));
  const double operations =
      4e-9 * seen * static_cast<double>(kHeads * d_head) * static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["GFs"] = Counter(operations, Counter::kIsRate);
  state.counters["fma%"] = Counter(100 * operations / peak, Counter::kIsRate);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"keys", "d_head", "queries", "threads"})->UseRealTime();
  for (const int threads : {1, 2}) {
    for (const int keys : {512, 2048}) {
      for (const int d_head : {64, 128, 256}) b->Args({keys, d_head, keys, threads});
      b->Args({keys, 64, 1, threads});  // decoding
    }
  }
}

BENCHMARK_CAPTURE(attention, fused, false)->Apply(shapes);
BENCHMARK_CAPTURE(attention, phases, true)->Apply(shapes);

}  // namespace
}  // namespace cutaway

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("simd_target", std::string(cutaway::simd_target()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
