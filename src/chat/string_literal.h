// The escapes of a string literal.
#pragma once

#include <string>
#include <string_view>

namespace cutaway::chat {

/// What Python's "unicode-escape" makes of the text between the quotes. throws SyntaxError for a
/// broken escape.
std::string string_literal_value(std::string_view text, int line);
/// A character for a message: quoted, or as U+XXXX if it would not print.
std::string repr_of_character(std::string_view character);

}  // namespace cutaway::chat
