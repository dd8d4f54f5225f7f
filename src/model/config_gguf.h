// GGUF metadata → ModelConfig.
#pragma once

#include <span>
#include <string>

#include <cutaway/config.h>

#include "io/gguf.h"

namespace cutaway {

/// What a GGUF file leaves to its reader (activation, caps' order, window pattern) comes from the
/// family row. throws FormatError, UnsupportedError (architecture, or a key of it that this version
/// does not understand).
ModelConfig config_from_gguf(const io::GgufFile& file, std::span<const std::string> ignore_keys);

}  // namespace cutaway
