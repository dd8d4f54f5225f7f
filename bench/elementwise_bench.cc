// What does an element cost? Rows that stay in the first-level cache.
//
// Counter: ns an element. The FMA roof of this run is printed for scale.
#include <benchmark/benchmark.h>
#include <cutaway/runtime.h>

#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "kernels/elementwise.h"
#include "roofs.h"

namespace cutaway {
namespace {

constexpr std::size_t kRow = 2048;

void elementwise(benchmark::State& state,
                 const std::function<void(std::span<const float>, std::span<float>)>& kernel,
                 std::size_t n = kRow) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i * 7919 % 997) / 100.0F - 5.0F;
  std::vector<float> y = x;
  for (auto _ : state) {
    kernel(x, y);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  // A rate of 1e9 elements a second, inverted: ns an element.
  state.counters["ns"] =
      benchmark::Counter(1e-9 * static_cast<double>(n) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

using In = std::span<const float>;
using Out = std::span<float>;

BENCHMARK_CAPTURE(elementwise, add, [](In x, Out y) { kernels::add(x, y); });
BENCHMARK_CAPTURE(elementwise, silu, [](In x, Out y) { kernels::silu(x, y); });
BENCHMARK_CAPTURE(elementwise, gelu, [](In x, Out y) { kernels::gelu(x, y); });
BENCHMARK_CAPTURE(elementwise, gelu_tanh, [](In x, Out y) { kernels::gelu_tanh(x, y); });
BENCHMARK_CAPTURE(elementwise, relu, [](In x, Out y) { kernels::relu(x, y); });
BENCHMARK_CAPTURE(elementwise, softcap, [](In, Out y) { kernels::softcap(30.0F, y); });
BENCHMARK_CAPTURE(elementwise, softmax, [](In, Out y) { kernels::softmax(y); });
BENCHMARK_CAPTURE(elementwise, rms_norm, [](In x, Out y) {
  kernels::rms_norm({x.data(), {1, x.size()}}, x, 1e-5F,
                    TensorView<float, 2>(y.data(), {1, x.size()}));
});
BENCHMARK_CAPTURE(elementwise, layer_norm, [](In x, Out y) {
  kernels::layer_norm({x.data(), {1, x.size()}}, x, x, 1e-5F,
                      TensorView<float, 2>(y.data(), {1, x.size()}));
});
// Angles that keep the values of the row within bounds: cos² + sin² < 1.
void rope_of(Out y, bool pairs) {
  static const std::vector<float> half(kRow / 2, 0.5F);
  const TensorView<const float, 2> angles(half.data(), {1, kRow / 2});
  const TensorView<float, 3> heads(y.data(), {1, 1, kRow});
  pairs ? kernels::rope_pairs(heads, angles, angles) : kernels::rope(heads, angles, angles);
  y[0] = 1.0F;  // or all would end as zeros
}
BENCHMARK_CAPTURE(elementwise, rope, [](In, Out y) { rope_of(y, false); });
BENCHMARK_CAPTURE(elementwise, rope_pairs, [](In, Out y) { rope_of(y, true); });
BENCHMARK_CAPTURE(
    elementwise, log_sum_exp,
    [](In x, Out y) { y[0] = static_cast<float>(kernels::log_sum_exp(x)); }, 131072);
BENCHMARK_CAPTURE(
    elementwise, top_64,
    [](In x, Out) {
      std::vector<std::size_t> best;
      kernels::top_k(x, 64, best);
      benchmark::DoNotOptimize(best.data());
    },
    131072);

}  // namespace
}  // namespace cutaway

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("simd_target", std::string(cutaway::simd_target()));
  cutaway::ThreadPool pool(1);
  std::cout << "FMA roof " << cutaway::bench::fma_roof(pool) << " GF/s\n";
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
