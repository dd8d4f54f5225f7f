// Python's str on UTF-8: characters are code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway::chat {

// All texts are valid UTF-8.

/// Bytes of the character at the start of `text` (not empty).
inline std::size_t character_length(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return n < text.size() ? n : text.size();
}
std::size_t count_characters(std::string_view text) noexcept;
char32_t code_point(std::string_view character) noexcept;
void append_code_point(std::string& out, char32_t c);
/// Byte offset of character `index`, or the end.
std::size_t offset_of(std::string_view text, std::size_t index) noexcept;

// In time linear in both, whatever they hold.
std::size_t find_text(std::string_view text, std::string_view part, std::size_t from = 0) noexcept;
std::size_t find_last_text(std::string_view text, std::string_view part);

// Character classes as Python's str methods have them.
bool is_space(char32_t c) noexcept;
bool is_printable(char32_t c) noexcept;
bool is_cased(char32_t c) noexcept;
bool is_upper(char32_t c) noexcept;
bool is_lower(char32_t c) noexcept;
bool is_alpha(char32_t c) noexcept;
bool is_decimal(char32_t c) noexcept;
bool is_alnum(char32_t c) noexcept;

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);    ///< str.title()
std::string to_capital(std::string_view text);  ///< str.capitalize()
std::string swap_case(std::string_view text);

/// str.strip(chars): without `chars` white space.
std::string_view strip_left(std::string_view text, const std::optional<std::string>& chars);
std::string_view strip_right(std::string_view text, const std::optional<std::string>& chars);

/// str.split(): at most `most` cuts (-1: all); without a separator at runs of white space.
std::vector<std::string> split(std::string_view text, const std::optional<std::string>& separator,
                               std::int64_t most);
std::vector<std::string> split_from_right(std::string_view text,
                                          const std::optional<std::string>& separator,
                                          std::int64_t most);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);

/// markupsafe.escape.
std::string escape_html(std::string_view text);

}  // namespace cutaway::chat
