#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "terminal.h"

namespace cutaway::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kInterval = std::chrono::milliseconds(100);

void to_stderr(const std::string& text) {
  // A terminal that went away is no reason to fail the work.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

ProgressLine::ProgressLine(bool quiet)
    : enabled_(!quiet && stderr_is_terminal()), begin_(Clock::now()), last_(begin_) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::report(const Progress& progress) {
  if (!enabled_) return;
  const auto now = Clock::now();
  if (now - begin_ < kPatience || now - last_ < kInterval) return;
  last_ = now;
  shown_ = true;
  to_stderr(fmt::format("\r\x1b[K{} {}/{}", progress.what, progress.done, progress.total));
}

void ProgressLine::clear() {
  if (shown_) to_stderr("\r\x1b[K");
  shown_ = false;
}

}  // namespace cutaway::cli
