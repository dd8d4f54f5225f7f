#include "base/thread_pool.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <cutaway/error.h>
#include <cutaway/runtime.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

TEST(ThreadPool, RunsEveryUnitOnce) {
  for (int threads : {1, 2, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (std::size_t units : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}}) {
      std::vector<std::atomic<int>> seen(units);
      pool.parallel_for(units, [&](std::size_t unit) { ++seen[unit]; });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, ManyShortJobs) {
  ThreadPool pool(4);
  std::atomic<int> sum{0};
  for (int i = 0; i < 5000; ++i) pool.parallel_for(4, [&](std::size_t) { ++sum; });
  EXPECT_EQ(sum, 20000);
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolGoesOn) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.parallel_for(100,
                                 [](std::size_t unit) {
                                   if (unit == 7) throw std::runtime_error("7");
                                 }),
               std::runtime_error);
  std::atomic<int> sum{0};
  pool.parallel_for(10, [&](std::size_t) { ++sum; });
  EXPECT_EQ(sum, 10);
}

TEST(ThreadPool, SecondCallerDoesItsWorkAlone) {
  ThreadPool pool(2);
  std::atomic<int> sum{0};
  std::vector<std::jthread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) pool.parallel_for(8, [&](std::size_t) { ++sum; });
    });
  }
  callers.clear();
  EXPECT_EQ(sum, 4 * 200 * 8);
}

TEST(ThreadPool, NestedCallsRunInline) {
  ThreadPool pool(2);
  std::atomic<int> sum{0};
  pool.parallel_for(4, [&](std::size_t) { pool.parallel_for(3, [&](std::size_t) { ++sum; }); });
  EXPECT_EQ(sum, 12);
}

TEST(Runtime, RefusesAbsurdThreadCounts) {
  EXPECT_THROW(Runtime({.threads = -1}), ArgumentError);
  EXPECT_THROW(Runtime({.threads = 1'000'000}), ArgumentError);
}

TEST(Runtime, InterruptsWhenAsked) {
  bool stop = false;
  Runtime runtime({.threads = 1, .should_stop = [&] { return stop; }});
  EXPECT_NO_THROW(runtime.check_interrupt());
  stop = true;
  EXPECT_THROW(runtime.check_interrupt(), InterruptedError);
}

}  // namespace
}  // namespace cutaway
