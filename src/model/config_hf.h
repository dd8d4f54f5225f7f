// config.json of Hugging Face → ModelConfig.
#pragma once

#include <span>
#include <string>

#include <cutaway/config.h>

#include "io/json.h"
#include "model/families.h"

namespace cutaway {

/// throws FormatError if there is no `model_type`.
std::string model_type_of(const io::Json& json);

/// Reads both spellings (transformers 5: `rope_parameters`, `dtype`, `layer_types`; older:
/// `rope_theta`, `rope_scaling`, `torch_dtype`, `sliding_window_pattern`). `ignore_keys`: keys that
/// the caller takes responsibility for. throws FormatError (a value is missing or impossible),
/// UnsupportedError (a value or key that this version does not understand).
ModelConfig config_from_json(const io::Json& json, const Family& family,
                             std::span<const std::string> ignore_keys);

/// Checks that hold for every source: divisibility, evenness, sizes against each other. throws
/// FormatError naming `origin`.
void check_config(const ModelConfig& config, const std::string& origin);

}  // namespace cutaway
