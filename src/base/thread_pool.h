// Fork-join over outputs: the caller is worker 0; the others spin for a moment, then sleep.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/function_ref.h"

namespace cutaway {

/// Work is split over outputs only, so results never depend on the number of threads.
/// One fork-join at a time: a second caller that finds the workers busy runs its whole job on its
/// own thread.
class ThreadPool {
 public:
  /// `threads` >= 1, the caller included; 1 makes no thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept;

  /// Calls `body(unit)` once for each unit in [0, units), from any thread in any order; returns
  /// when all are done. The first exception that a unit throws reaches the caller (the remaining
  /// units are skipped).
  void parallel_for(std::size_t units, FunctionRef<void(std::size_t unit)> body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cutaway
