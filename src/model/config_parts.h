// Parts of config.json that are worth a file of their own.
#pragma once

#include <string_view>

#include <cutaway/config.h>

#include "model/config_reader.h"
#include "model/families.h"

namespace cutaway {

/// Fills `rope`, `rope_local` and, where the scaling extends it, `n_ctx`. Needs the sizes.
void parse_ropes(ConfigReader& reader, const Family& family, ModelConfig& config);
/// Fills `windows`.
void parse_windows(ConfigReader& reader, const Family& family, ModelConfig& config);

[[noreturn]] void unsupported(const ConfigReader& reader, std::string_view key,
                              std::string_view found, std::string_view expected);

}  // namespace cutaway
