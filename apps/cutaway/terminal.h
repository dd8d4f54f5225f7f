// What the process's standard streams are, and the signals that end work early.
#pragma once

#include <cstddef>

#include <csignal>

namespace cutaway::cli {

bool stdout_is_terminal() noexcept;
bool stderr_is_terminal() noexcept;
/// Colour on standard output: a terminal, NO_COLOR unset or empty, TERM not "dumb".
bool use_colour() noexcept;
/// What output that no terminal shows is laid out for, so that it does not depend on who looks.
inline constexpr std::size_t kDefaultWidth = 100;
/// Columns of the terminal on standard output; the default when there is none.
std::size_t terminal_width() noexcept;

/// While one lives, Ctrl-C sets a flag instead of ending the process (a second Ctrl-C ends it), and
/// a closed pipe is an error of write() instead of a signal. The earlier handlers return after it.
class SignalScope {
 public:
  SignalScope();
  ~SignalScope();
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;
  static bool interrupted() noexcept;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_pipe_ {};
};

}  // namespace cutaway::cli
