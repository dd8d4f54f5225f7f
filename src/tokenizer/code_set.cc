#include "tokenizer/code_set.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tokenizer/properties.h"

namespace cutaway::tokenizer {
namespace {

constexpr char32_t kLastCode = 0x10FFFF;

std::string canonical(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
}

CodeSet of_runs(std::span<const PropertyRun> runs) {
  CodeSet out;
  for (const PropertyRun& run : runs) out.add(run.first, run.last);
  return out;
}

/// The categories whose two-letter name starts with `prefix`.
CodeSet of_category(std::string_view prefix) {
  CodeSet out;
  for (const PropertyRun& run : kCategoryRuns) {
    const std::string_view name = kCategoryNames[run.value];
    if (name.starts_with(prefix)) out.add(run.first, run.last);
  }
  return out;
}

template <typename... Names>
CodeSet of_categories(Names... names) {
  CodeSet out;
  (out.add(of_category(names)), ...);
  return out;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 38> kCategoryAliases = {{
    {"letter", "L"},
    {"casedletter", "LC"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"combiningmark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"openpunctuation", "Ps"},
    {"closepunctuation", "Pe"},
    {"initialpunctuation", "Pi"},
    {"finalpunctuation", "Pf"},
    {"otherpunctuation", "Po"},
    {"symbol", "S"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"privateuse", "Co"},
    {"unassigned", "Cn"},
}};

// The ISO 15924 codes of the scripts that people write so.
constexpr std::array<std::pair<std::string_view, std::string_view>, 26> kScriptAliases = {{
    {"arab", "arabic"},    {"armn", "armenian"},   {"beng", "bengali"},  {"bopo", "bopomofo"},
    {"cyrl", "cyrillic"},  {"deva", "devanagari"}, {"ethi", "ethiopic"}, {"geor", "georgian"},
    {"grek", "greek"},     {"gujr", "gujarati"},   {"guru", "gurmukhi"}, {"hang", "hangul"},
    {"hani", "han"},       {"hebr", "hebrew"},     {"hira", "hiragana"}, {"kana", "katakana"},
    {"khmr", "khmer"},     {"knda", "kannada"},    {"laoo", "lao"},      {"latn", "latin"},
    {"mlym", "malayalam"}, {"mymr", "myanmar"},    {"sinh", "sinhala"},  {"taml", "tamil"},
    {"telu", "telugu"},    {"tibt", "tibetan"},
}};

// White_Space.
CodeSet space() {
  CodeSet out = of_category("Z");
  out.add(0x9, 0xD);
  out.add(0x85, 0x85);
  return out;
}

CodeSet word() {
  CodeSet out = of_categories("M", "Nd", "Pc");
  out.add(of_runs(kAlphabeticRuns));
  return out;
}

CodeSet graph() {
  CodeSet out = space();
  out.add(of_categories("Cc", "Cn", "Cs"));
  return out.complement();
}

std::optional<CodeSet> posix_set(std::string_view name) {
  CodeSet out;
  if (name == "any") return CodeSet(0, kLastCode);
  if (name == "ascii") return CodeSet(0, 0x7F);
  if (name == "assigned") return of_category("Cn").complement();
  if (name == "alpha" || name == "alphabetic") return of_runs(kAlphabeticRuns);
  if (name == "lower" || name == "lowercase") return of_runs(kLowercaseRuns);
  if (name == "upper" || name == "uppercase") return of_runs(kUppercaseRuns);
  if (name == "emoji") return of_runs(kEmojiRuns);
  if (name == "digit") return of_category("Nd");
  if (name == "cntrl") return of_category("Cc");
  if (name == "space" || name == "whitespace") return space();
  if (name == "word") return word();
  if (name == "graph") return graph();
  if (name == "alnum") {
    out = of_runs(kAlphabeticRuns);
    out.add(of_category("Nd"));
    return out;
  }
  if (name == "blank") {
    out = of_category("Zs");
    out.add('\t', '\t');
    return out;
  }
  if (name == "print") {
    out = graph();
    out.add(of_category("Zs"));
    return out;
  }
  if (name == "punct") return of_category("P");
  if (name == "xdigit") {
    out.add('0', '9');
    out.add('A', 'F');
    out.add('a', 'f');
    return out;
  }
  return std::nullopt;
}

}  // namespace

void CodeSet::add(const CodeSet& other) {
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
}

std::vector<CodeSet::Range> CodeSet::ranges() const {
  std::vector<Range> sorted = ranges_;
  std::sort(sorted.begin(), sorted.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> out;
  for (const Range& range : sorted) {
    if (range.first > range.last) continue;
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

CodeSet CodeSet::complement() const {
  CodeSet gaps;
  char32_t next = 0;
  const auto add = [&](char32_t first, char32_t last) {  // without the surrogates
    if (first < 0xD800) gaps.add(first, std::min<char32_t>(last, 0xD7FF));
    if (last > 0xDFFF) gaps.add(std::max<char32_t>(first, 0xE000), last);
  };
  for (const Range& range : ranges()) {
    if (range.first > next) add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= kLastCode) add(next, kLastCode);
  return gaps;
}

CodeSet CodeSet::intersection(const CodeSet& other) const {
  CodeSet out = complement();
  out.add(other.complement());
  return out.complement();
}

bool CodeSet::contains(char32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.first <= c && c <= range.last; });
}

std::optional<CodeSet> named_set(std::string_view name) {
  const std::string key = canonical(name);
  // A category's own name: one or two letters, or LC.
  for (const auto& [alias, category] : kCategoryAliases) {
    if (alias != key && canonical(category) != key) continue;
    if (category == "LC") return of_categories("Lu", "Ll", "Lt");
    return of_category(category);
  }
  if (auto set = posix_set(key)) return set;
  std::string_view script = key;
  for (const auto& [alias, full] : kScriptAliases) {
    if (alias == key) script = full;
  }
  for (std::size_t i = 0; i < std::size(kScriptNames); ++i) {
    if (canonical(kScriptNames[i]) != script) continue;
    CodeSet out;
    for (const PropertyRun& run : kScriptRuns) {
      if (run.value == i) out.add(run.first, run.last);
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace cutaway::tokenizer
