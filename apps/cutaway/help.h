// The words of --help that are not about one option.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cutaway::cli {

struct CommandHelp {
  std::string_view name;
  std::string_view summary;
  std::string_view example;
};

/// Every command, in the order of the help.
std::span<const CommandHelp> command_help() noexcept;
/// The text of `cutaway --help`.
std::string main_help();

}  // namespace cutaway::cli
