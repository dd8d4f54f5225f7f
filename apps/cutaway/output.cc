#include "output.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include <cutaway/error.h>

#include "terminal.h"

namespace cutaway::cli {
namespace {

constexpr std::size_t kBuffer = 1 << 16;

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EPIPE) {
      throw ClosedPipe();
    } else if (errno != EINTR) {
      throw IoError("standard output", std::strerror(errno));
    }
  }
}

}  // namespace

Output::Output(std::optional<std::string> file) {
  if (file) file_ = std::make_unique<io::AtomicFile>(*file);
}

Output Output::of_command(const CommonOptions& common) {
  const bool json_file = common.json && *common.json != "-";
  if (json_file && common.output) {
    throw ArgumentError("--json", fmt::format("'{}' and -o '{}' both name the output, expected one",
                                              *common.json, *common.output));
  }
  return Output(json_file ? common.json : common.output);
}

bool Output::is_terminal() const noexcept { return file_ == nullptr && stdout_is_terminal(); }
bool Output::has_colour() const noexcept { return file_ == nullptr && use_colour(); }
std::size_t Output::width() const noexcept { return file_ ? kDefaultWidth : terminal_width(); }

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBuffer) flush();
}

void Output::flush() {
  std::string pending;
  pending.swap(buffer_);
  if (file_) {
    file_->write(pending);
  } else {
    write_stdout(pending);
  }
}

void Output::commit() {
  flush();
  if (file_) file_->commit();
}

}  // namespace cutaway::cli
