// Text for a terminal: nothing that moves the cursor, columns that line up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cutaway::cli {

/// Printable UTF-8: newline, tab and carriage return as \n \t \r; other control and formatting
/// characters (bidirectional overrides, zero-width marks) as \u{202e}; broken bytes as \xff.
std::string escape(std::string_view text);

/// Columns that escaped text takes: wide characters (CJK, emoji) two, combining marks none.
std::size_t display_width(std::string_view text);

/// Padded with spaces, or cut with an ellipsis, to exactly `width` columns (at least 1).
std::string fit(std::string_view text, std::size_t width, bool align_right = false);

/// In percent: one decimal from 1% on, three from 0.01% on, else scientific: "12.3%", "0.123%",
/// "1.2e-4%". NaN gives "nan".
std::string format_probability(double p);

/// The bytes at the end of `text` that begin a UTF-8 character without finishing it.
std::size_t unfinished_utf8(std::string_view text) noexcept;

}  // namespace cutaway::cli
