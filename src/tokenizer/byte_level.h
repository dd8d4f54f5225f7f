// GPT-2's spelling of bytes as printable characters: " " is "Ġ", "\n" is "Ċ".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cutaway::tokenizer {

/// The character (UTF-8, one or two bytes) that stands for a byte.
std::string_view byte_to_piece(unsigned char byte) noexcept;

/// The byte that a character stands for, if any.
std::optional<unsigned char> piece_to_byte(char32_t c) noexcept;

/// Appends the bytes that a piece spells; if one of its characters spells no byte, the piece
/// itself.
void append_spelled_bytes(std::string& out, std::string_view piece);

}  // namespace cutaway::tokenizer
