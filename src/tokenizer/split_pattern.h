// The pre-tokenisation patterns of known models, matched by hand, and all others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/pieces.h"
#include "tokenizer/regex.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {

/// A known regular expression. Each of these matches at every position of every text, so that its
/// matches cover the text.
enum class KnownPattern : std::uint8_t {
  kGpt2,     ///< GPT-2; also what the ByteLevel pre-tokenizer applies by itself
  kCl100k,   ///< Llama 3, GPT-4: digits in groups of up to three
  kQwen2,    ///< the same with digits one by one
  kO200k,    ///< GPT-4o: case changes split words
  kTekken,   ///< Mistral: the same without contractions, digits one by one
  kNumbers,  ///< \p{N}, which does not cover the text
};

/// The pattern that a regular expression, as written in tokenizer.json files, is; or nothing.
std::optional<KnownPattern> find_pattern(std::string_view regex) noexcept;

/// Appends the matches of `pattern` and the stretches between them; together they cover `text`.
void match_pattern(KnownPattern pattern, std::string_view text, std::vector<Match>& out);

/// The same for a literal string, for every code point that `is_match`, or that has one of the
/// class `bits`.
void match_literal(std::string_view literal, std::string_view text, std::vector<Match>& out);
void match_class(std::uint8_t bits, std::string_view text, std::vector<Match>& out);
template <typename IsMatch>
void match_if(IsMatch&& is_match, std::string_view text, std::vector<Match>& out) {
  std::size_t unmatched = 0;
  const auto add = [&](std::size_t begin, std::size_t end, bool matches) {
    out.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), matches});
  };
  for (std::size_t pos = 0; pos < text.size();) {
    std::size_t after = pos;
    if (is_match(next_code_point(text, after))) {
      if (pos > unmatched) add(unmatched, pos, false);
      add(pos, after, true);
      unmatched = after;
    }
    pos = after;
  }
  if (text.size() > unmatched) add(unmatched, text.size(), false);
}

/// What a Split or a Replace looks for: a text, a known expression or another one.
class Pattern {
 public:
  Pattern(std::string literal) : kind_(Kind::kLiteral), literal_(std::move(literal)) {}
  Pattern(KnownPattern known) : kind_(Kind::kKnown), known_(known) {}
  Pattern(Regex regex) : kind_(Kind::kRegex), regex_(std::move(regex)) {}

  /// Appends the matches and the stretches between them; together they cover `text`.
  void match(std::string_view text, std::vector<Match>& out) const;
  /// The text to look for, if it is one.
  const std::string* literal() const noexcept {
    return kind_ == Kind::kLiteral ? &literal_ : nullptr;
  }

 private:
  enum class Kind : std::uint8_t { kLiteral, kKnown, kRegex };
  Kind kind_;
  KnownPattern known_ = KnownPattern::kGpt2;
  std::string literal_;
  Regex regex_;
};

}  // namespace cutaway::tokenizer
