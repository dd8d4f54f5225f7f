// How near is `linear` to the machine? Weights of Llama-3.2-1B's shapes in bf16, walked over enough
// distinct matrices that they come from memory, as in a model. Compare weight_GB/s at few tokens
// with the read roof, GF/s at many with the FMA roof; both are measured here, on the same buffer.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/linear.h"
#include "random_data.h"

namespace {

using namespace cutaway;
using benchmark::Counter;

constexpr std::size_t kBufferBytes = std::size_t{192} << 20;  // beyond the caches of today's CPUs

const std::vector<std::uint16_t>& weights() {
  static const std::vector<std::uint16_t> buffer = bench::random_bf16(kBufferBytes / 2, 1);
  return buffer;
}

// The fastest that any product can read its weights: the sum of the buffer's words.
void ReadRoof(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const auto* words = reinterpret_cast<const std::uint64_t*>(weights().data());
  constexpr std::size_t kUnits = 192;
  constexpr std::size_t kWords = kBufferBytes / 8 / kUnits;
  for (auto _ : state) {
    pool.parallel_for(kUnits, [&](std::size_t unit) {
      std::uint64_t sums[32] = {};
      for (std::size_t i = 0; i < kWords; i += 32) {
        for (std::size_t lane = 0; lane < 32; ++lane) sums[lane] += words[unit * kWords + i + lane];
      }
      for (std::uint64_t sum : sums) benchmark::DoNotOptimize(sum);
    });
  }
  state.counters["GB/s"] =
      Counter(static_cast<double>(kBufferBytes) * 1e-9, Counter::kIsIterationInvariantRate);
}
BENCHMARK(ReadRoof)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

void Linear(benchmark::State& state) {
  const auto tokens = static_cast<std::size_t>(state.range(0));
  const auto rows = static_cast<std::size_t>(state.range(1));
  const auto cols = static_cast<std::size_t>(state.range(2));
  ThreadPool pool(static_cast<int>(state.range(3)));
  const Tensor x = bench::random_tensor({tokens, cols}, 2);
  Tensor y({tokens, rows});
  const std::size_t matrices = weights().size() / (rows * cols);
  const auto* bytes = reinterpret_cast<const std::byte*>(weights().data());
  std::size_t next = 0;
  for (auto _ : state) {
    const kernels::LinearInput input(x.view<2>());
    const WeightView w{bytes + next * rows * cols * 2, DType::kBF16, rows, cols, cols * 2};
    kernels::linear(input, w, y.view<2>(), pool);
    next = (next + 1) % matrices;
    benchmark::ClobberMemory();
  }
  const double products = static_cast<double>(rows * cols);
  state.counters["weight_GB/s"] = Counter(products * 2e-9, Counter::kIsIterationInvariantRate);
  state.counters["GF/s"] =
      Counter(products * static_cast<double>(tokens) * 2e-9, Counter::kIsIterationInvariantRate);
}
BENCHMARK(Linear)
    ->ArgNames({"tokens", "rows", "cols", "threads"})
    ->ArgsProduct({{1, 2, 3, 4, 8, 16, 64, 256}, {2048}, {2048}, {1, 2}})
    ->ArgsProduct({{1, 4, 64}, {8192}, {2048}, {1, 2}})
    ->ArgsProduct({{1, 4, 64}, {2048}, {8192}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
