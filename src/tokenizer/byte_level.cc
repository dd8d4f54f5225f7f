#include "tokenizer/byte_level.h"

#include <array>
#include <cstdint>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes follow from U+0100 in order.
constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Spelling {
  std::array<char, 2> text;
  std::uint8_t length;
};

struct Tables {
  std::array<Spelling, 256> spelling{};
  std::array<std::int16_t, 0x144> byte{};

  constexpr Tables() {
    for (auto& b : byte) b = -1;
    unsigned next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const unsigned c = stands_for_itself(b) ? b : next++;
      byte[c] = static_cast<std::int16_t>(b);
      if (c < 0x80) {
        spelling[b] = {{static_cast<char>(c), 0}, 1};
      } else {
        spelling[b] = {{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))}, 2};
      }
    }
  }
};
constexpr Tables kTables;

}  // namespace

std::string_view byte_to_piece(unsigned char byte) noexcept {
  const Spelling& s = kTables.spelling[byte];
  return {s.text.data(), s.length};
}

std::optional<unsigned char> piece_to_byte(char32_t c) noexcept {
  if (c >= kTables.byte.size() || kTables.byte[c] < 0) return std::nullopt;
  return static_cast<unsigned char>(kTables.byte[c]);
}

void append_spelled_bytes(std::string& out, std::string_view piece) {
  const std::size_t before = out.size();
  for (std::size_t pos = 0; pos < piece.size();) {
    const auto byte = piece_to_byte(next_code_point(piece, pos));
    if (!byte) {
      out.resize(before);
      out.append(piece);
      return;
    }
    out.push_back(static_cast<char>(*byte));
  }
}

}  // namespace cutaway::tokenizer
