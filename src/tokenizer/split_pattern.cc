#include "tokenizer/split_pattern.h"

#include <array>
#include <utility>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

// Several spellings of one language: possessive quantifiers and single-newline forms match the same
// stretches, since no later part of the pattern could use what they give up.
constexpr std::array<std::pair<std::string_view, KnownPattern>, 12> kSpellings = {{
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     KnownPattern::kGpt2},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     KnownPattern::kGpt2},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)",
     KnownPattern::kGpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownPattern::kCl100k},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
     KnownPattern::kCl100k},
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
     KnownPattern::kCl100k},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownPattern::kQwen2},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownPattern::kO200k},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownPattern::kTekken},
    {R"(\p{N})", KnownPattern::kNumbers},
    {R"([\p{N}])", KnownPattern::kNumbers},
    {R"(\p{N}{1})", KnownPattern::kNumbers},
}};

/// A position in the text with the few matching steps that the patterns share. Every step returns
/// the end of its match, or `kNo`.
class Scanner {
 public:
  static constexpr std::size_t kNo = static_cast<std::size_t>(-1);

  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t size() const { return text_.size(); }
  bool at_end(std::size_t pos) const { return pos >= text_.size(); }
  bool has(std::size_t pos, char c) const { return pos < text_.size() && text_[pos] == c; }
  std::uint8_t class_at(std::size_t pos, std::size_t& after) const {
    after = pos;
    return class_of(next_code_point(text_, after));
  }

  /// End of the longest run of code points whose class has one of `bits`.
  std::size_t run(std::size_t pos, std::uint8_t bits) const {
    std::size_t after = pos;
    while (!at_end(pos) && (class_at(pos, after) & bits) != 0) pos = after;
    return pos;
  }
  std::size_t run_without(std::size_t pos, std::uint8_t bits) const {
    std::size_t after = pos;
    while (!at_end(pos) && (class_at(pos, after) & bits) == 0) pos = after;
    return pos;
  }
  std::size_t run_of(std::size_t pos, std::string_view bytes) const {
    while (!at_end(pos) && bytes.find(text_[pos]) != std::string_view::npos) ++pos;
    return pos;
  }

  /// 's 't 're 've 'm 'll 'd. Without regard to case, "ſ" (U+017F) is an s too.
  std::size_t contraction(std::size_t pos, bool any_case) const {
    if (!has(pos, '\'')) return kNo;
    const std::string_view rest = text_.substr(pos + 1, 2);
    if (rest.empty()) return kNo;
    const auto lower = [&](char c) {
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const char first = lower(rest[0]);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return pos + 2;
    if (rest.size() == 2) {
      const char second = lower(rest[1]);
      if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
          (first == 'l' && second == 'l')) {
        return pos + 3;
      }
      if (any_case && rest == "\xC5\xBF") return pos + 3;
    }
    return kNo;
  }

  /// \s*[\r\n]+: up to the last newline of the run of white space.
  std::size_t newlines(std::size_t pos, std::size_t run_end) const {
    for (std::size_t end = run_end; end > pos; --end) {
      if (text_[end - 1] == '\r' || text_[end - 1] == '\n') return end;
    }
    return kNo;
  }

  /// \s+(?!\S)|\s+: the run without its last code point, unless that is all or nothing follows.
  std::size_t white_space(std::size_t pos, std::size_t run_end) const {
    if (at_end(run_end)) return run_end;
    std::size_t last = run_end;
    previous_code_point(text_, last);
    return last > pos ? last : run_end;
  }

  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

constexpr std::size_t kNo = Scanner::kNo;

std::size_t gpt2(const Scanner& s, std::size_t pos) {
  if (const std::size_t end = s.contraction(pos, false); end != kNo) return end;
  const std::size_t body = pos + (s.has(pos, ' ') ? 1U : 0U);
  if (!s.at_end(body)) {
    std::size_t after = body;
    const std::uint8_t c = s.class_at(body, after);
    if ((c & kLetter) != 0) return s.run(after, kLetter);
    if ((c & kNumber) != 0) return s.run(after, kNumber);
    if ((c & kSpace) == 0) return s.run_without(after, kSpace | kLetter | kNumber);
  }
  return s.white_space(pos, s.run(pos, kSpace));
}

/// \p{N}{1,most} from a number at `pos`.
std::size_t digits(const Scanner& s, std::size_t pos, int most) {
  for (int i = 0; i < most && !s.at_end(pos); ++i) {
    std::size_t after = pos;
    if ((s.class_at(pos, after) & kNumber) == 0) break;
    pos = after;
  }
  return pos;
}

/// What cl100k and o200k share behind their words: punctuation, newlines, white space.
std::size_t punctuation_or_space(const Scanner& s, std::size_t pos, std::string_view tail) {
  const std::size_t body = pos + (s.has(pos, ' ') ? 1U : 0U);
  const std::size_t end = s.run_without(body, kSpace | kLetter | kNumber);
  if (end > body) return s.run_of(end, tail);
  const std::size_t run_end = s.run(pos, kSpace);
  if (const std::size_t newline = s.newlines(pos, run_end); newline != kNo) return newline;
  return s.white_space(pos, run_end);
}

std::size_t cl100k(const Scanner& s, std::size_t pos, int most_digits) {
  if (const std::size_t end = s.contraction(pos, true); end != kNo) return end;
  std::size_t after = pos;
  const std::uint8_t c = s.class_at(pos, after);
  if ((c & kLetter) != 0) return s.run(after, kLetter);
  if ((c & kNumber) != 0) return digits(s, pos, most_digits);
  if (!s.has(pos, '\r') && !s.has(pos, '\n')) {
    const std::size_t end = s.run(after, kLetter);
    if (end > after) return end;
  }
  return punctuation_or_space(s, pos, "\r\n");
}

/// [UPPER]*[LOWER]+ from `pos`, where modifier letters, other letters and marks are both. If
/// nothing strictly lower follows the upper run, the run gives back code points until it meets one
/// that is both.
std::size_t upper_then_lower(const Scanner& s, std::size_t pos) {
  const std::size_t upper_end = s.run(pos, kUpperOrMark);
  const std::size_t end = s.run(upper_end, kLowerOrMark);
  if (end > upper_end) return end;
  for (std::size_t at = upper_end; at > pos;) {
    const std::size_t after = at;
    if (is(previous_code_point(s.text(), at), kLowerOrMark)) return after;
  }
  return kNo;
}

std::size_t o200k_word(const Scanner& s, std::size_t pos, bool contractions) {
  std::size_t after = pos;
  const std::uint8_t c = s.class_at(pos, after);
  const bool can_lead = (c & (kLetter | kNumber)) == 0 && !s.has(pos, '\r') && !s.has(pos, '\n');
  const auto with_contraction = [&](std::size_t end) {
    const std::size_t longer = contractions ? s.contraction(end, true) : kNo;
    return longer != kNo ? longer : end;
  };
  // Each alternative tries the optional leading character first, then without.
  if (can_lead) {
    if (const std::size_t end = upper_then_lower(s, after); end != kNo)
      return with_contraction(end);
  }
  if (const std::size_t end = upper_then_lower(s, pos); end != kNo) return with_contraction(end);
  for (const std::size_t start : {can_lead ? after : pos, pos}) {
    const std::size_t end = s.run(start, kUpperOrMark);
    if (end > start) return with_contraction(s.run(end, kLowerOrMark));
  }
  return kNo;
}

std::size_t o200k(const Scanner& s, std::size_t pos, bool contractions, int most_digits) {
  if (const std::size_t end = o200k_word(s, pos, contractions); end != kNo) return end;
  std::size_t after = pos;
  if ((s.class_at(pos, after) & kNumber) != 0) return digits(s, pos, most_digits);
  return punctuation_or_space(s, pos, "\r\n/");
}

std::size_t next_match(KnownPattern pattern, const Scanner& s, std::size_t pos) {
  switch (pattern) {
    case KnownPattern::kGpt2:
      return gpt2(s, pos);
    case KnownPattern::kCl100k:
      return cl100k(s, pos, 3);
    case KnownPattern::kQwen2:
      return cl100k(s, pos, 1);
    case KnownPattern::kO200k:
      return o200k(s, pos, true, 3);
    case KnownPattern::kTekken:
      return o200k(s, pos, false, 1);
    case KnownPattern::kNumbers:
      break;
  }
  return s.size();
}

}  // namespace

std::optional<KnownPattern> find_pattern(std::string_view regex) noexcept {
  for (const auto& [spelling, pattern] : kSpellings) {
    if (spelling == regex) return pattern;
  }
  return std::nullopt;
}

void match_pattern(KnownPattern pattern, std::string_view text, std::vector<Match>& out) {
  if (pattern == KnownPattern::kNumbers) return match_class(kNumber, text, out);
  const Scanner scanner(text);
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t end = next_match(pattern, scanner, pos);
    out.push_back({static_cast<std::uint32_t>(pos), static_cast<std::uint32_t>(end), true});
    pos = end;
  }
}

void match_literal(std::string_view literal, std::string_view text, std::vector<Match>& out) {
  std::size_t pos = 0;
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    out.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), is_match});
  };
  while (pos < text.size()) {
    const std::size_t found = literal.empty() ? std::string_view::npos : text.find(literal, pos);
    if (found == std::string_view::npos) break;
    if (found > pos) add(pos, found, false);
    add(found, found + literal.size(), true);
    pos = found + literal.size();
  }
  if (pos < text.size()) add(pos, text.size(), false);
}

void match_class(std::uint8_t bits, std::string_view text, std::vector<Match>& out) {
  match_if([&](char32_t c) { return is(c, bits); }, text, out);
}

void Pattern::match(std::string_view text, std::vector<Match>& out) const {
  switch (kind_) {
    case Kind::kLiteral:
      return match_literal(literal_, text, out);
    case Kind::kKnown:
      return match_pattern(known_, text, out);
    case Kind::kRegex:
      return regex_.match(text, out);
  }
}

}  // namespace cutaway::tokenizer
