// Where a command's result goes: standard output or one file that appears whole or not at all.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/atomic_file.h"
#include "options.h"

namespace cutaway::cli {

/// The reader of standard output went away (`cutaway ... | head`): nothing is left to do.
struct ClosedPipe {};

class Output {
 public:
  /// `file`: where to write instead of standard output; empty for standard output.
  explicit Output(std::optional<std::string> file);
  /// The target that --json and -o name. throws ArgumentError if both name a file.
  static Output of_command(const CommonOptions& common);

  /// A person reads it as it comes.
  bool is_terminal() const noexcept;
  bool has_colour() const noexcept;
  std::size_t width() const noexcept;

  /// Buffered. throws IoError, ClosedPipe.
  void write(std::string_view text);
  void flush();
  /// Everything was written: flush, and give the file its name.
  void commit();

 private:
  std::unique_ptr<io::AtomicFile> file_;
  std::string buffer_;
};

}  // namespace cutaway::cli
