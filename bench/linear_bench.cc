// How near to the machine's roofs is y = x Wᵀ? The matrices of a model of one billion parameters,
// as many of them as exceed the caches.
//
// Counters: GFs (1e9 operations a second), GBs (bytes of weights read), percent of the FMA roof and
// of the read roof, both measured in this run before the benchmark.
#include <benchmark/benchmark.h>
#include <cutaway/runtime.h>

#include <string>
#include <vector>

#include "base/float16.h"
#include "kernels/linear.h"
#include "stored_weights.h"

namespace cutaway {
namespace {

using bench::kBytes;
using bench::Roofs;
using bench::roofs;
using bench::weights;

void linear(benchmark::State& state, DType type, bool transposed = false) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto cols = static_cast<std::size_t>(state.range(1));
  const auto tokens = static_cast<std::size_t>(state.range(2));
  const auto threads = static_cast<int>(state.range(3));
  const Roofs roof = roofs(threads);
  ThreadPool pool(threads);
  const std::size_t row_bytes = dtype_bytes(type, transposed ? rows : cols);
  const std::size_t matrix_bytes = dtype_bytes(type, rows * cols);
  const std::size_t matrices = std::max<std::size_t>(1, kBytes / matrix_bytes);
  const std::vector<float> x(tokens * cols, 0.5F);
  std::vector<float> y(tokens * rows);
  std::size_t next = 0;
  for (auto _ : state) {
    const kernels::LinearInput input(TensorView<const float, 2>(x.data(), {tokens, cols}));
    const WeightView w{
        weights().data() + next * matrix_bytes, type, rows, cols, row_bytes, transposed};
    kernels::linear(input, w, TensorView<float, 2>(y.data(), {tokens, rows}), pool);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
    next = (next + 1) % matrices;
  }
  const auto calls = static_cast<double>(state.iterations());
  const double operations = 2e-9 * static_cast<double>(rows * cols * tokens) * calls;
  const double bytes = 1e-9 * static_cast<double>(matrix_bytes) * calls;
  using benchmark::Counter;
  state.counters["GFs"] = Counter(operations, Counter::kIsRate);
  state.counters["GBs"] = Counter(bytes, Counter::kIsRate);
  state.counters["fma%"] = Counter(100 * operations / roof.fma, Counter::kIsRate);
  state.counters["read%"] = Counter(100 * bytes / roof.read, Counter::kIsRate);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "cols", "tokens", "threads"})->UseRealTime();
  for (const auto& [rows, cols] : {std::pair{2048, 2048}, {8192, 2048}, {2048, 8192}}) {
    for (const int tokens : {1, 2, 3, 4, 8, 16, 64, 256}) {
      for (const int threads : {1, 2}) b->Args({rows, cols, tokens, threads});
    }
  }
}

// GPT-2's own matrices, which its checkpoints hold transposed, and one of a larger model.
void gpt2_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "cols", "tokens", "threads"})->UseRealTime();
  for (const auto& [rows, cols] : {std::pair{2304, 768}, {768, 3072}, {8192, 2048}}) {
    for (const int tokens : {1, 2, 3, 4, 8, 16, 64, 256}) {
      for (const int threads : {1, 2}) b->Args({rows, cols, tokens, threads});
    }
  }
}

BENCHMARK_CAPTURE(linear, bf16, DType::kBF16)->Apply(shapes);
BENCHMARK_CAPTURE(linear, f32, DType::kF32)->Apply(shapes);
BENCHMARK_CAPTURE(linear, f16, DType::kF16)->Apply(shapes);
BENCHMARK_CAPTURE(linear, f32_transposed, DType::kF32, true)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(linear, bf16_transposed, DType::kBF16, true)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(linear, f16_transposed, DType::kF16, true)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(linear, q8_0, DType::kQ8_0)->Apply(shapes);
BENCHMARK_CAPTURE(linear, q4_k, DType::kQ4_K)->Apply(shapes);
BENCHMARK_CAPTURE(linear, q6_k, DType::kQ6_K)->Apply(shapes);

}  // namespace
}  // namespace cutaway

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("simd_target", std::string(cutaway::simd_target()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
