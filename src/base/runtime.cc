#include <cutaway/error.h>
#include <cutaway/runtime.h>

#include <algorithm>
#include <thread>
#include <utility>

#include <sched.h>

#include "base/thread_pool.h"

namespace cutaway {
namespace {

constexpr int kMostThreads = 1024;

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int checked_threads(int threads) {
  if (threads < 0 || threads > kMostThreads) {
    throw ArgumentError("threads", std::to_string(threads) + ", expected 0 (all cores) to " +
                                       std::to_string(kMostThreads));
  }
  return threads == 0 ? usable_cores() : threads;
}

}  // namespace

struct Runtime::State {
  RuntimeOptions options;
  ThreadPool pool;
  explicit State(RuntimeOptions o)
      : options(std::move(o)), pool(checked_threads(options.threads)) {}
};

Runtime::Runtime(RuntimeOptions options) : state_(std::make_shared<State>(std::move(options))) {}

int Runtime::threads() const noexcept { return state_->pool.threads(); }
ThreadPool& Runtime::pool() const noexcept { return state_->pool; }
std::uint64_t Runtime::memory_limit() const noexcept { return state_->options.memory_limit; }

void Runtime::report(std::string_view what, std::size_t done, std::size_t total) const {
  if (state_->options.on_progress) state_->options.on_progress({what, done, total});
}

void Runtime::check_interrupt() const {
  if (state_->options.should_stop && state_->options.should_stop()) {
    throw InterruptedError("", "interrupted");
  }
}

}  // namespace cutaway
