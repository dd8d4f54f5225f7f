// One line on standard error that tells how far long work is.
#pragma once

#include <chrono>

#include <cutaway/runtime.h>

namespace cutaway::cli {

/// Silent unless standard error is a terminal, the user did not ask for quiet, and the work has
/// taken over two seconds.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void report(const Progress& progress);
  /// Take the line away before something else is printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  bool shown_ = false;
  Clock::time_point begin_;
  Clock::time_point last_;
};

}  // namespace cutaway::cli
