// The Hugging Face hub's local cache: where a downloaded repository lies.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace cutaway::io {

/// What the environment says, read by the caller (an empty string counts as not set).
struct HubCachePaths {
  std::string hf_hub_cache;  ///< $HF_HUB_CACHE: the cache itself
  std::string hf_home;       ///< $HF_HOME: the cache is its folder `hub`
  std::string home;          ///< $HOME: the cache is .cache/huggingface/hub
};

/// The cache folder; nullopt if nothing is set. It need not exist.
std::optional<std::filesystem::path> hub_cache_folder(const HubCachePaths& paths);

/// The snapshot folder of "org/name" (or a bare "name"): the revision that `refs/main` names or,
/// without that file, the only snapshot. nullopt if the cache does not hold it.
/// throws ArgumentError if `repo_id` is no repository id, FormatError if refs/main names no plain
/// revision, IoError if it cannot be read.
std::optional<std::filesystem::path> find_cached_snapshot(std::string_view repo_id,
                                                          const HubCachePaths& paths);

}  // namespace cutaway::io
