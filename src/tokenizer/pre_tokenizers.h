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
  Pattern pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  ///< what the pattern does not match is the delimiter
};
/// White space vanishes; punctuation stands alone.
struct BertSplit {};
struct PunctuationSplit {
  SplitBehavior behavior = SplitBehavior::kIsolated;
};
/// Runs of word characters and runs of others, without white space.
struct WordSplit {};
struct WhiteSpaceSplit {};
/// Every `length` code points.
struct FixedLengthSplit {
  std::size_t length = 5;
};
/// Where the script changes; Japanese counts as one. A text's leading characters that belong to any
/// script (digits aside from none) are dropped, as tokenizers does.
struct ScriptSplit {};
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

using PreTokenizer =
    std::variant<ByteLevelSplit, PatternSplit, DigitsSplit, MetaspaceSplit, BertSplit,
                 PunctuationSplit, WordSplit, WhiteSpaceSplit, FixedLengthSplit, ScriptSplit>;

/// Whether it matters where in the input a piece began.
bool needs_origins(const std::vector<PreTokenizer>& pre_tokenizers) noexcept;

void pre_tokenize(const std::vector<PreTokenizer>& pre_tokenizers, Pieces& pieces);

}  // namespace cutaway::tokenizer
