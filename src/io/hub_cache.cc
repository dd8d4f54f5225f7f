#include "io/hub_cache.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>

#include "io/mapped_file.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

namespace fs = std::filesystem;

// The hub's own rule for both halves of an id; nothing here can leave the cache folder.
bool is_plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.find("..") == name.npos && name != "." &&
         std::all_of(name.begin(), name.end(), allowed);
}

std::string folder_name(std::string_view repo_id) {
  const std::size_t slash = repo_id.find('/');
  const bool is_valid = slash == repo_id.npos ? is_plain_name(repo_id)
                                              : is_plain_name(repo_id.substr(0, slash)) &&
                                                    is_plain_name(repo_id.substr(slash + 1));
  if (!is_valid) {
    throw ArgumentError(printable(repo_id), "is not a repository id, expected 'org/name'");
  }
  if (slash == repo_id.npos) return fmt::format("models--{}", repo_id);
  return fmt::format("models--{}--{}", repo_id.substr(0, slash), repo_id.substr(slash + 1));
}

std::string read_revision(const fs::path& ref) {
  const auto file = MappedFile::open(ref, false);
  const auto bytes = file->bytes();
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  if (!is_plain_name(text)) {
    throw FormatError(ref.string(),
                      fmt::format("names the revision '{}', expected a commit", printable(text)));
  }
  return std::string(text);
}

}  // namespace

std::optional<fs::path> hub_cache_folder(const HubCachePaths& paths) {
  if (!paths.hf_hub_cache.empty()) return fs::path(paths.hf_hub_cache);
  if (!paths.hf_home.empty()) return fs::path(paths.hf_home) / "hub";
  if (!paths.home.empty()) return fs::path(paths.home) / ".cache" / "huggingface" / "hub";
  return std::nullopt;
}

std::optional<fs::path> find_cached_snapshot(std::string_view repo_id, const HubCachePaths& paths) {
  const std::string name = folder_name(repo_id);
  const auto cache = hub_cache_folder(paths);
  if (!cache) return std::nullopt;
  const fs::path repository = *cache / name;
  const fs::path snapshots = repository / "snapshots";
  std::error_code error;
  if (!fs::is_directory(snapshots, error)) return std::nullopt;

  const fs::path ref = repository / "refs" / "main";
  if (fs::exists(ref, error)) {
    const fs::path snapshot = snapshots / read_revision(ref);
    return fs::is_directory(snapshot, error) ? std::optional(snapshot) : std::nullopt;
  }
  std::optional<fs::path> only;
  fs::directory_iterator entry(snapshots, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_directory(ignored)) continue;
    if (only) return std::nullopt;  // several, and nothing says which is the current one
    only = entry->path();
  }
  if (error) throw IoError(snapshots.string(), "cannot be listed: " + error.message());
  return only;
}

}  // namespace cutaway::io
