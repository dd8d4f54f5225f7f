// From places in a text to the tokens that cover them, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway {

/// What positions in a text count: Unicode code points (Python's indices), or bytes of UTF-8.
enum class TextUnit : std::uint8_t { kChars, kBytes };

// Tokens that the tokenizer added by itself (BOS ...) stand for no text: nothing below finds them.

/// The first token that covers the position: start <= position < end.
std::optional<std::size_t> char_to_token(const Encoding& encoding, std::size_t position,
                                         TextUnit unit = TextUnit::kChars);
/// That token, or else the one whose middle ((start + end) / 2, rounded down) is nearest, the first
/// of equals. nullopt only if no token stands for text.
std::optional<std::size_t> char_to_token_fuzzy(const Encoding& encoding, std::size_t position,
                                               TextUnit unit = TextUnit::kChars);
/// The first token that starts at the position or behind it.
std::optional<std::size_t> char_to_token_start(const Encoding& encoding, std::size_t position,
                                               TextUnit unit = TextUnit::kChars);
/// The tokens that share text with the range: end > range.begin and start < range.end.
/// throws ArgumentError if the range ends before it begins.
std::vector<std::size_t> char_range_to_tokens(const Encoding& encoding, TextRange range,
                                              TextUnit unit = TextUnit::kChars);
/// The text of a token; [0, 0) of one that was added. throws ArgumentError if there is no such
/// token.
TextRange token_to_char_range(const Encoding& encoding, std::size_t token,
                              TextUnit unit = TextUnit::kChars);

struct NamedSpan {
  std::string name;
  TextRange range;
};
/// A label for each token: the name of the first span (in the order given) that it overlaps, else
/// "other". The last token of each name is "NAME_final". "The| Eiffel| Tower| is| in| Paris" with
/// subject 0:16 and relation 17:22: subject, subject, subject_final, relation, relation_final,
/// other. throws ArgumentError if a range ends before it begins.
std::vector<std::string> label_spans(const Encoding& encoding, std::span<const NamedSpan> spans,
                                     TextUnit unit = TextUnit::kChars);

struct PositionMatch {
  std::size_t position = 0;
  std::optional<std::size_t> token;  ///< absent: no token stands for text
  std::string piece;                 ///< of the token, as in the vocabulary
  bool is_exact = false;             ///< the token covers the position; otherwise it is the nearest
};
/// `char_to_token_fuzzy` of many positions.
std::vector<PositionMatch> convert_positions(const Encoding& encoding,
                                             std::span<const std::size_t> positions,
                                             TextUnit unit = TextUnit::kChars);

}  // namespace cutaway
