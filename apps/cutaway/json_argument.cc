#include "json_argument.h"

#include <filesystem>

namespace cutaway::cli {
namespace {

namespace fs = std::filesystem;

bool names_a_model(const std::string& word) {
  std::error_code ignored;
  const fs::path path(word);
  if (fs::is_directory(path, ignored) || path.extension() == ".gguf") return true;
  return path.has_parent_path() && path.extension() != ".json" &&
         !fs::is_directory(path.parent_path(), ignored);
}

}  // namespace

std::vector<std::string> bind_json_argument(std::vector<std::string> arguments) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      out.insert(out.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    if (arguments[i] != "--json") {
      out.push_back(std::move(arguments[i]));
      continue;
    }
    const bool has_word = i + 1 < arguments.size() && !arguments[i + 1].empty() &&
                          (arguments[i + 1].front() != '-' || arguments[i + 1] == "-") &&
                          !names_a_model(arguments[i + 1]);
    out.push_back("--json=" + (has_word ? arguments[++i] : "-"));
  }
  return out;
}

}  // namespace cutaway::cli
