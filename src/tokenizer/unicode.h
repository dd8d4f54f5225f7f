// UTF-8 and the character classes of tokenizers' regular expressions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tokenizer/unicode_tables.h"

namespace cutaway::tokenizer {

/// Bits of a code point's class. Unicode 16, as in the engine that tokenizers 0.23 uses;
/// tools/make_unicode_tables.py writes the tables and checks every code point against tokenizers.
enum ClassBit : std::uint8_t {
  kLetter = 1,        ///< \p{L}
  kNumber = 2,        ///< \p{N}
  kSpace = 4,         ///< \s
  kUpperOrMark = 8,   ///< [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
  kLowerOrMark = 16,  ///< [\p{Ll}\p{Lm}\p{Lo}\p{M}]
  kWord = 32,         ///< \w
  kMark = 64,         ///< \p{M}
  kNumeric = 128,     ///< what the Digits pre-tokenizer splits on (a newer \p{N})
};

inline std::uint8_t class_of(char32_t c) noexcept {
  const std::size_t block = kClassIndex[c >> 8];
  return kClassKinds[kClassBlocks[block * 256 + (c & 0xFF)] - '0'];
}
inline bool is(char32_t c, std::uint8_t bits) noexcept { return (class_of(c) & bits) != 0; }

/// The code point at `pos` of valid UTF-8; moves `pos` behind it.
inline char32_t next_code_point(std::string_view text, std::size_t& pos) noexcept {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const char32_t lead = byte(pos);
  if (lead < 0x80) {
    pos += 1;
    return lead;
  }
  if (lead < 0xE0) {
    const char32_t c = (lead & 0x1F) << 6 | (byte(pos + 1) & 0x3F);
    pos += 2;
    return c;
  }
  if (lead < 0xF0) {
    const char32_t c = (lead & 0x0F) << 12 | (byte(pos + 1) & 0x3F) << 6 | (byte(pos + 2) & 0x3F);
    pos += 3;
    return c;
  }
  const char32_t c = (lead & 0x07) << 18 | (byte(pos + 1) & 0x3F) << 12 |
                     (byte(pos + 2) & 0x3F) << 6 | (byte(pos + 3) & 0x3F);
  pos += 4;
  return c;
}

/// The code point that ends before `pos` (> 0) of valid UTF-8; moves `pos` to its first byte.
char32_t previous_code_point(std::string_view text, std::size_t& pos) noexcept;

inline bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Bytes of the code point whose first byte this is.
inline std::size_t utf8_length(char lead) noexcept {
  const auto b = static_cast<unsigned char>(lead);
  return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

void append_utf8(std::string& out, char32_t c);

/// Where the first ill-formed sequence starts (surrogates and overlong forms are ill-formed), or
/// nothing.
std::optional<std::size_t> first_invalid_utf8(std::string_view text) noexcept;

/// Each maximal ill-formed subpart becomes U+FFFD, as Rust's and Python's "replace" do.
std::string to_valid_utf8(std::string_view bytes);

}  // namespace cutaway::tokenizer
