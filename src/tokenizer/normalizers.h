// What happens to the text between the raw and the normalised added tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tokenizer/charsmap.h"
#include "tokenizer/normal_forms.h"
#include "tokenizer/pieces.h"
#include "tokenizer/split_pattern.h"

namespace cutaway::tokenizer {

/// Puts `text` in front of every piece; it shares the first character's origin.
struct Prepend {
  std::string text;
};
/// `pattern` to `content`, whose characters share the origin of the match's last one.
struct Replace {
  Pattern pattern;
  std::string content;
};
/// BERT's cleaning, in this order.
struct BertNormalizer {
  bool clean_text = true;            ///< control characters vanish, white space becomes " "
  bool handle_chinese_chars = true;  ///< spaces around them
  bool strip_accents = true;         ///< NFD without non-spacing marks
  bool lowercase = true;
};
struct Lowercase {};
/// SentencePiece's "nmt" rules: control characters vanish, unusual spaces become " ".
struct Nmt {};
struct StripSpaces {
  bool left = true;
  bool right = true;
};
/// Combining marks vanish; precomposed letters stay.
struct StripAccents {};
/// Bytes spelled as printable characters, as the ByteLevel pre-tokenizer does.
struct ByteLevelNormalizer {};

using Normalizer =
    std::variant<NormalForm, Prepend, Replace, BertNormalizer, Lowercase, Nmt, StripSpaces,
                 StripAccents, ByteLevelNormalizer, std::shared_ptr<const CharsMap>>;

void normalize(const std::vector<Normalizer>& normalizers, Pieces& pieces);
std::string normalized(const std::vector<Normalizer>& normalizers, std::string_view text);

/// Append a stretch with `pattern` replaced, with `prefix` in front, with its bytes spelled out.
void append_replaced(const Replace& replace, Stretch stretch, Pieces& out);
void append_replaced(std::string_view literal, std::string_view content, Stretch stretch,
                     Pieces& out);
void append_prepended(std::string_view prefix, Stretch stretch, Pieces& out);
void append_spelled(Stretch stretch, Pieces& out);

}  // namespace cutaway::tokenizer
