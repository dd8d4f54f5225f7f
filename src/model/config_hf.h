// config.json of Hugging Face → ModelConfig.
#pragma once

#include <span>
#include <string>

#include <cutaway/config.h>

#include "io/json.h"

namespace cutaway {

/// Reads both spellings (transformers 5: `rope_parameters`, `dtype`, `layer_types`; older:
/// `rope_theta`, `rope_scaling`, `torch_dtype`, `sliding_window_pattern`). `ignore_keys`: keys that
/// the caller takes responsibility for. throws FormatError (a value is missing or impossible),
/// UnsupportedError (family, value or key that this version does not understand).
ModelConfig config_from_json(const io::Json& json, std::span<const std::string> ignore_keys);

/// Checks that hold for every source: divisibility, evenness, sizes against each other. throws
/// FormatError naming `origin`.
void check_config(const ModelConfig& config, const std::string& origin);

}  // namespace cutaway
