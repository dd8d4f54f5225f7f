// What the library may use: threads, a memory budget, and how it talks back to its caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace cutaway {

class ThreadPool;

/// One report of long work. `done` of `total` steps; `what` is a short noun ("prefill", "layer").
struct Progress {
  std::string_view what;
  std::size_t done;
  std::size_t total;
};

struct RuntimeOptions {
  int threads = 0;  ///< 0: one per core that this process may use. 1 makes no thread at all.
  /// Bytes of memory that the process may hold while a model runs; 0: no limit. A run that needs
  /// more is refused before it starts (ArgumentError). Mapped weights count too: where they do not
  /// fit beside the rest, a layer's are let go when it is done and read again by the next pass.
  std::uint64_t memory_limit = 0;
  /// Called on the calling thread between steps of long work; may be empty.
  std::function<void(const Progress&)> on_progress = {};
  /// Polled on the calling thread several times a second; true makes the work stop with
  /// InterruptedError.
  std::function<bool()> should_stop = {};
};

/// Threads and callbacks, made by the caller and passed down; a cheap handle (copies share the same
/// threads). Results never depend on it. Safe to use from several threads: while one call uses the
/// workers, another runs on its own thread alone.
class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});

  int threads() const noexcept;
  ThreadPool& pool() const noexcept;
  std::uint64_t memory_limit() const noexcept;
  void report(std::string_view what, std::size_t done, std::size_t total) const;
  /// throws InterruptedError if `should_stop` says so.
  void check_interrupt() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The SIMD target that the kernels run on ("AVX3", "AVX2" ...). Recorded in results: it decides
/// the last bits.
std::string_view simd_target() noexcept;

}  // namespace cutaway
