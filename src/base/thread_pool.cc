#include "base/thread_pool.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cutaway {
namespace {

void pause_briefly() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Long enough to bridge the gaps between the regions of one forward pass, short enough not to burn
// a core that is waiting for its user.
constexpr auto kSpin = std::chrono::microseconds(50);

}  // namespace

struct ThreadPool::State {
  std::atomic<bool> in_use{false};  // set by the caller whose job the workers run
  std::atomic<std::uint64_t> generation{0};
  std::atomic<bool> stopping{false};
  std::atomic<int> busy{0};

  // The job: written by the caller before the generation moves, read by the workers after.
  const FunctionRef<void(std::size_t)>* body = nullptr;
  std::size_t units = 0;
  std::atomic<std::size_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  std::vector<std::jthread> workers;

  void work() noexcept {
    for (;;) {
      const std::size_t unit = next.fetch_add(1, std::memory_order_relaxed);
      if (unit >= units) return;
      try {
        (*body)(unit);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(units, std::memory_order_relaxed);
      }
    }
  }

  void worker() noexcept {
    std::uint64_t seen = 0;
    for (;;) {
      const auto spin_until = std::chrono::steady_clock::now() + kSpin;
      while (generation.load(std::memory_order_acquire) == seen) {
        for (int i = 0; i < 32; ++i) pause_briefly();
        if (std::chrono::steady_clock::now() > spin_until) {
          generation.wait(seen, std::memory_order_acquire);
        }
      }
      ++seen;
      if (stopping.load(std::memory_order_acquire)) return;
      work();
      if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1) busy.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  for (int i = 1; i < threads; ++i) {
    state_->workers.emplace_back([state = state_.get()] { state->worker(); });
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_release);
  state_->generation.fetch_add(1, std::memory_order_release);
  state_->generation.notify_all();
}

int ThreadPool::threads() const noexcept { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::parallel_for(std::size_t units, FunctionRef<void(std::size_t)> body) {
  State& s = *state_;
  if (units <= 1 || s.workers.empty() || s.in_use.exchange(true, std::memory_order_acquire)) {
    for (std::size_t unit = 0; unit < units; ++unit) body(unit);
    return;
  }
  s.body = &body;
  s.units = units;
  s.error = nullptr;
  s.next.store(0, std::memory_order_relaxed);
  s.busy.store(static_cast<int>(s.workers.size()), std::memory_order_relaxed);
  s.generation.fetch_add(1, std::memory_order_release);
  s.generation.notify_all();
  s.work();

  const auto spin_until = std::chrono::steady_clock::now() + kSpin;
  for (int busy = s.busy.load(std::memory_order_acquire); busy != 0;
       busy = s.busy.load(std::memory_order_acquire)) {
    for (int i = 0; i < 32; ++i) pause_briefly();
    if (std::chrono::steady_clock::now() > spin_until) s.busy.wait(busy, std::memory_order_acquire);
  }
  const std::exception_ptr error = std::exchange(s.error, nullptr);
  s.in_use.store(false, std::memory_order_release);
  if (error) std::rethrow_exception(error);
}

}  // namespace cutaway
