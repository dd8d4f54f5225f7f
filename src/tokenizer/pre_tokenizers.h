// How normalised text is cut into the words that the model sees.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tokenizer/pieces.h"
#include "tokenizer/split_pattern.h"

namespace cutaway::tokenizer {

/// Spells bytes as printable characters, after GPT-2's pattern has cut the text (if `use_regex`).
struct ByteLevelSplit {
  bool add_prefix_space = true;
  bool use_regex = true;
};
struct PatternSplit {
  std::variant<KnownPattern, std::string> pattern;  ///< a known regex, or a literal
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  ///< what the pattern does not match is the delimiter
};
struct DigitsSplit {
  bool individual_digits = false;
};
/// " " becomes `replacement`, which is also put in front and starts each word.
struct MetaspaceSplit {
  enum class Prepend : std::uint8_t { kAlways, kFirst, kNever };
  std::string replacement = "\xE2\x96\x81";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

using PreTokenizer = std::variant<ByteLevelSplit, PatternSplit, DigitsSplit, MetaspaceSplit>;

void pre_tokenize(const std::vector<PreTokenizer>& pre_tokenizers, Pieces& pieces);

}  // namespace cutaway::tokenizer
