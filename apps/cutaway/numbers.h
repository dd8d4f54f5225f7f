// Numbers on the command line, with errors that say what was found and what was expected.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::cli {

/// throws ArgumentError "NAME: 'text', expected a whole number from A to B".
std::int64_t parse_int(std::string_view name, std::string_view text, std::int64_t least,
                       std::int64_t most = std::numeric_limits<std::int64_t>::max());
/// throws ArgumentError "NAME: 'text', expected a number from A to B"; NaN and infinities are
/// refused.
float parse_float(std::string_view name, std::string_view text, float least, float most);
/// "4G", "1.5GB", "500M", "1000000": bytes. throws ArgumentError.
std::uint64_t parse_bytes(std::string_view name, std::string_view text);
/// "1,2,3". throws ArgumentError.
std::vector<TokenId> parse_token_ids(std::string_view name, std::string_view text);

}  // namespace cutaway::cli
