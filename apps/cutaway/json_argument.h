// `--json [F]`: an optional value, which a parser cannot tell from the MODEL that may follow.
#pragma once

#include <string>
#include <vector>

namespace cutaway::cli {

/// Rewrites every `--json` to `--json=F` or `--json=-` (standard output). The word after it is F
/// unless it is an option, an existing folder, a .gguf file, or a hub id (org/name without a folder
/// `org` here): `cutaway info --json MODEL` must never write over a model.
std::vector<std::string> bind_json_argument(std::vector<std::string> arguments);

}  // namespace cutaway::cli
