#include "roofs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "roofs.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace cutaway::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent chains hide the latency of an operation on every machine we know.
double Fma(std::size_t rounds, float seed) {
  const hn::ScalableTag<float> d;
  const auto x = hn::Set(d, 0.999F);
  const auto y = hn::Set(d, seed);
  // Different starts, or the compiler would keep one chain for all.
  auto a0 = y, a1 = hn::Add(a0, y), a2 = hn::Add(a1, y), a3 = hn::Add(a2, y), a4 = hn::Add(a3, y);
  auto a5 = hn::Add(a4, y), a6 = hn::Add(a5, y), a7 = hn::Add(a6, y), a8 = hn::Add(a7, y);
  auto a9 = hn::Add(a8, y), a10 = hn::Add(a9, y), a11 = hn::Add(a10, y);
  for (std::size_t i = 0; i < rounds; ++i) {
    a0 = hn::MulAdd(a0, x, y), a1 = hn::MulAdd(a1, x, y), a2 = hn::MulAdd(a2, x, y);
    a3 = hn::MulAdd(a3, x, y), a4 = hn::MulAdd(a4, x, y), a5 = hn::MulAdd(a5, x, y);
    a6 = hn::MulAdd(a6, x, y), a7 = hn::MulAdd(a7, x, y), a8 = hn::MulAdd(a8, x, y);
    a9 = hn::MulAdd(a9, x, y), a10 = hn::MulAdd(a10, x, y), a11 = hn::MulAdd(a11, x, y);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), a6)),
              hn::Add(hn::Add(hn::Add(a7, a8), hn::Add(a9, a10)), a11));
  // The result must be used; the operations are what is returned.
  return hn::GetLane(sum) == 1.0F ? 0.0
                                  : 2.0 * 12.0 * static_cast<double>(rounds * hn::MaxLanes(d));
}

std::uint64_t Read(const std::uint8_t* p, std::size_t bytes) {
  const hn::ScalableTag<std::uint8_t> d8;
  const hn::Repartition<std::uint32_t, decltype(d8)> d32;
#if HWY_TARGET == HWY_SCALAR
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes; ++i) sum += p[i];
  (void)d32;
  return sum;
#else
  auto a = hn::Zero(d32), b = a, c = a, e = a;
  const std::size_t lanes = hn::MaxLanes(d8);
  for (std::size_t i = 0; i + 4 * lanes <= bytes; i += 4 * lanes) {
    a = hn::Add(a, hn::BitCast(d32, hn::LoadU(d8, p + i)));
    b = hn::Add(b, hn::BitCast(d32, hn::LoadU(d8, p + i + lanes)));
    c = hn::Add(c, hn::BitCast(d32, hn::LoadU(d8, p + i + 2 * lanes)));
    e = hn::Add(e, hn::BitCast(d32, hn::LoadU(d8, p + i + 3 * lanes)));
  }
  return hn::GetLane(hn::SumOfLanes(d32, hn::Add(hn::Add(a, b), hn::Add(c, e))));
#endif
}

}  // namespace cutaway::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::bench {

HWY_EXPORT(Fma);
HWY_EXPORT(Read);

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

double fma_roof(ThreadPool& pool) {
  constexpr std::size_t kRounds = 4'000'000;
  const auto threads = static_cast<std::size_t>(pool.threads());
  double best = 0.0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    std::atomic<double> operations{0.0};
    const auto start = std::chrono::steady_clock::now();
    pool.parallel_for(threads, [&](std::size_t unit) {
      operations.fetch_add(
          HWY_DYNAMIC_DISPATCH(Fma)(kRounds, 1e-3F * static_cast<float>(unit + 1)));
    });
    best = std::max(best, operations.load() / seconds_since(start) / 1e9);
  }
  return best;
}

double read_roof(std::span<const std::byte> buffer, ThreadPool& pool) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(buffer.data());
  const auto threads = static_cast<std::size_t>(pool.threads());
  const std::size_t part = buffer.size() / threads;
  double best = 0.0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::atomic<std::uint64_t> sum{0};
    const auto start = std::chrono::steady_clock::now();
    pool.parallel_for(threads, [&](std::size_t unit) {
      sum.fetch_add(HWY_DYNAMIC_DISPATCH(Read)(data + unit * part, part));
    });
    const double rate = static_cast<double>(part * threads) / seconds_since(start) / 1e9;
    if (sum.load() != 1) best = std::max(best, rate);
  }
  return best;
}

}  // namespace cutaway::bench
#endif
