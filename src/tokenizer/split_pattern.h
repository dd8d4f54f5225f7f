// The pre-tokenisation patterns of known models, matched by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

/// A known regular expression. Each of these matches at every position of every text, so that its
/// matches cover the text.
enum class KnownPattern : std::uint8_t {
  kGpt2,     ///< GPT-2; also what the ByteLevel pre-tokenizer applies by itself
  kCl100k,   ///< Llama 3, GPT-4: digits in groups of up to three
  kQwen2,    ///< the same with digits one by one
  kO200k,    ///< GPT-4o: case changes split words
  kNumbers,  ///< \p{N}, which does not cover the text
};

/// The pattern that a regular expression, as written in tokenizer.json files, is; or nothing.
std::optional<KnownPattern> find_pattern(std::string_view regex) noexcept;

/// Appends the matches of `pattern` and the stretches between them; together they cover `text`.
void match_pattern(KnownPattern pattern, std::string_view text, std::vector<Match>& out);

/// The same for a literal string, or for every code point with one of the class `bits`.
void match_literal(std::string_view literal, std::string_view text, std::vector<Match>& out);
void match_class(std::uint8_t bits, std::string_view text, std::vector<Match>& out);

}  // namespace cutaway::tokenizer
