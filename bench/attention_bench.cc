// What does causal attention cost, and how much more when a hook wants the pattern?
// GF/s counts the products that a causal mask leaves: 2 · heads · T² · d_head (scores and values).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>

#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "random_data.h"

namespace {

using namespace cutaway;
using benchmark::Counter;

constexpr std::size_t kHeads = 8;
constexpr std::size_t kKvHeads = 2;

struct Inputs {
  kernels::AttentionShape shape;
  Tensor q, k, v, z;
  explicit Inputs(const benchmark::State& state)
      : shape{static_cast<std::size_t>(state.range(0)),
              static_cast<std::size_t>(state.range(0)),
              0,
              kHeads,
              kKvHeads,
              static_cast<std::size_t>(state.range(1)),
              static_cast<float>(1.0 / std::sqrt(static_cast<double>(state.range(1)))),
              0.0F,
              0},
        q(bench::random_tensor({shape.queries, kHeads, shape.d_head}, 1)),
        k(bench::random_tensor({kKvHeads, shape.d_head, shape.keys}, 2)),
        v(bench::random_tensor({kKvHeads, shape.keys, shape.d_head}, 3)),
        z({shape.queries, kHeads, shape.d_head}) {}
  void count(benchmark::State& state) const {
    const double length = static_cast<double>(shape.queries);
    state.counters["GF/s"] =
        Counter(2e-9 * static_cast<double>(kHeads * shape.d_head) * length * length,
                Counter::kIsIterationInvariantRate);
  }
};

void Attention(benchmark::State& state) {
  Inputs in(state);
  ThreadPool pool(static_cast<int>(state.range(2)));
  for (auto _ : state) {
    kernels::attention(in.shape, in.q.view<3>(), in.k.view<3>(), in.v.view<3>(), in.z.view<3>(),
                       pool);
    benchmark::ClobberMemory();
  }
  in.count(state);
}

void AttentionWithPattern(benchmark::State& state) {
  Inputs in(state);
  ThreadPool pool(static_cast<int>(state.range(2)));
  Tensor pattern({kHeads, in.shape.queries, in.shape.keys});
  for (auto _ : state) {
    kernels::attention_scores(in.shape, in.q.view<3>(), in.k.view<3>(), pattern.view<3>(), pool);
    kernels::attention_cap_and_mask(in.shape, pattern.view<3>(), pool);
    kernels::attention_softmax(pattern.view<3>(), pool);
    kernels::attention_values(in.shape, pattern.view<3>(), in.v.view<3>(), in.z.view<3>(), pool);
    benchmark::ClobberMemory();
  }
  in.count(state);
}

#define CUTAWAY_ATTENTION_SIZES                           \
  ArgNames({"length", "d_head", "threads"})               \
      ->ArgsProduct({{64, 512, 2048}, {64, 128}, {1, 2}}) \
      ->UseRealTime()                                     \
      ->Unit(benchmark::kMillisecond)
BENCHMARK(Attention)->CUTAWAY_ATTENTION_SIZES;
BENCHMARK(AttentionWithPattern)->CUTAWAY_ATTENTION_SIZES;

}  // namespace

BENCHMARK_MAIN();
