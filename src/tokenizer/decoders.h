// From the spelling of tokens back to text.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tokenizer/normalizers.h"

namespace cutaway::tokenizer {

/// Characters back to bytes, all tokens at once; ill-formed UTF-8 becomes U+FFFD.
struct ByteLevelDecoder {};
/// "<0x41>" to its byte; a run that is not UTF-8 becomes one U+FFFD a byte.
struct ByteFallbackDecoder {};
struct FuseDecoder {};
/// Drops up to `start` times `content` from the front of each token and `stop` times from its end.
struct StripDecoder {
  char32_t content = U' ';
  std::size_t start = 0;
  std::size_t stop = 0;
};
/// `replacement` to " "; the first token loses it instead if `drop_first`.
struct MetaspaceDecoder {
  std::string replacement;
  bool drop_first = true;
};

/// `suffix` to " ", but to nothing in the last token.
struct BpeDecoder {
  std::string suffix;
};
/// Each token but the first loses `prefix`, or else gets a space in front; `cleanup` then undoes
/// the spaces before English punctuation and contractions.
struct WordPieceDecoder {
  std::string prefix;
  bool cleanup = true;
};
/// Repeated tokens count once, `pad_token` vanishes; with `cleanup`, as above and `word_delimiter`
/// to " ".
struct CtcDecoder {
  std::string pad_token;
  std::string word_delimiter;
  bool cleanup = true;
};

using Decoder = std::variant<ByteLevelDecoder, ByteFallbackDecoder, FuseDecoder, StripDecoder,
                             MetaspaceDecoder, Replace, BpeDecoder, WordPieceDecoder, CtcDecoder>;

/// Without a decoder tokens are joined by spaces, as tokenizers does.
std::string decode_tokens(const std::vector<Decoder>& decoders, bool has_decoder,
                          std::vector<std::string> tokens);

}  // namespace cutaway::tokenizer
