// SentencePiece's precompiled character map: a trie of what to replace, and what by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

/// The `precompiled_charsmap` of a SentencePiece model: little-endian u32 size in bytes of a double
/// array (Darts), the array, and the replacements, each ended by a zero byte.
class CharsMap {
 public:
  /// `bytes` is the map, not in base64. throws FormatError naming `origin` if it is cut short, or
  /// its replacements are not UTF-8.
  static CharsMap parse(std::string_view bytes, const std::string& origin);

  /// Appends `stretch` with every grapheme cluster of at most five bytes, and every code point of a
  /// longer one, replaced if the map has an entry that begins it: as tokenizers does, with its
  /// offsets (an entry that replaces by nothing shifts those behind it if nothing stands before
  /// it). throws FormatError if the map leads outside of itself, UnsupportedError if a replacement
  /// is longer than kLongestReplacement.
  void append_mapped(Stretch stretch, Pieces& out) const;

 private:
  /// The replacement for the shortest entry that `chunk` starts with.
  std::optional<std::string_view> find(std::string_view chunk) const;

  std::string origin_;
  std::vector<std::uint32_t> units_;
  std::string replacements_;
  std::array<bool, 128> maps_ascii_{};  // not to be copied as it is
};

}  // namespace cutaway::tokenizer
