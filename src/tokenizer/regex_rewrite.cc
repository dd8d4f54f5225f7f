#include "tokenizer/regex_rewrite.h"

#include <optional>
#include <vector>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/code_set.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr std::size_t kDeepestNesting = 64;
constexpr std::size_t kLongestPattern = 1 << 16;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string spelled(const CodeSet& set) {
  std::string out;
  for (const CodeSet::Range& range : set.ranges()) {
    // PCRE2 refuses surrogates.
    const auto put = [&](char32_t first, char32_t last) {
      if (first > last) return;
      out += fmt::format("\\x{{{:X}}}", static_cast<unsigned>(first));
      if (last > first) out += fmt::format("-\\x{{{:X}}}", static_cast<unsigned>(last));
    };
    put(range.first, std::min<char32_t>(range.last, 0xD7FF));
    put(std::max<char32_t>(range.first, 0xE000), range.last);
  }
  return out;
}

class Rewriter {
 public:
  Rewriter(std::string_view in, const std::string& origin, const std::string& where)
      : in_(in), origin_(origin), where_(where) {}

  std::string run() {
    if (in_.size() > kLongestPattern) refuse(fmt::format("is {} bytes long", in_.size()));
    groups_.push_back({0, 0});
    while (!at_end()) step();
    if (groups_.size() != 1) refuse("has a group without an end");
    close_options();
    return std::move(out_);
  }

 private:
  struct Group {
    std::size_t begin;     // in out_
    std::size_t to_close;  // groups opened for options in the middle of it
  };

  [[noreturn]] void refuse(const std::string& what) const {
    throw UnsupportedError(origin_,
                           fmt::format("field '{}': the regular expression {}, which is not "
                                       "supported",
                                       where_, what));
  }

  bool at_end() const { return pos_ >= in_.size(); }
  char peek(std::size_t ahead = 0) const {
    return pos_ + ahead < in_.size() ? in_[pos_ + ahead] : '\0';
  }
  bool take(std::string_view text) {
    if (!in_.substr(pos_).starts_with(text)) return false;
    pos_ += text.size();
    return true;
  }
  char32_t next() {
    if (at_end()) refuse("ends too early");
    return next_code_point(in_, pos_);
  }

  /// Where the next item starts in the output, so that a quantifier can wrap it.
  void begin_item() { item_ = out_.size(); }

  void step() {
    const char c = peek();
    if (c == '(') return group();
    if (c == ')') {
      if (groups_.size() == 1) refuse("has a ')' too many");
      ++pos_;
      close_options();
      item_ = groups_.back().begin;
      groups_.pop_back();
      out_ += ')';
      return;
    }
    if (c == '*' || c == '+' || c == '?') {
      out_ += c;
      ++pos_;
      if (peek() == '?' || peek() == '+') out_ += in_[pos_++];
      return;
    }
    if (c == '{' && interval()) return;
    begin_item();
    if (c == '[') {
      ++pos_;
      bool negated = false;
      const CodeSet set = char_class(negated, 0);
      return put_set(set, negated);
    }
    if (c == '\\') {
      ++pos_;
      return escape();
    }
    if (c == '|') {
      ++pos_;
      out_ += '|';
      return;
    }
    const std::size_t begin = pos_;
    next();
    if (c == '{' || c == '}' || c == ']') out_ += '\\';  // literals here
    out_ += in_.substr(begin, pos_ - begin);
  }

  // {n}, {n,}, {,m}, {n,m}; anything else is a literal brace.
  bool interval() {
    std::size_t at = pos_ + 1;
    const auto number = [&] {
      std::string digits;
      while (at < in_.size() && is_digit(in_[at])) digits += in_[at++];
      return digits;
    };
    const std::string low = number();
    const bool has_comma = at < in_.size() && in_[at] == ',';
    if (has_comma) ++at;
    const std::string high = has_comma ? number() : low;
    if (at >= in_.size() || in_[at] != '}' || (low.empty() && high.empty())) return false;
    if (low.size() > 5 || high.size() > 5) refuse("repeats too often");
    if (!low.empty() && !high.empty() && std::stoul(low) > std::stoul(high)) {
      refuse("has an interval whose ends are swapped");
    }
    pos_ = at + 1;
    // Ruby's "{n}?" is an optional interval and "{n,m}+" a repeated one, not lazy and possessive.
    const bool wraps = peek() == '+' || (peek() == '?' && !has_comma);
    if (wraps) out_.insert(item_, "(?:");
    out_ += '{' + (low.empty() ? "0" : low) + (has_comma ? "," + high : "") + '}';
    if (wraps) {
      out_ += ')';
      out_ += in_[pos_++];
    } else if (peek() == '?') {
      out_ += in_[pos_++];
    }
    return true;
  }

  void open(std::string_view text) {
    if (groups_.size() > kDeepestNesting) refuse("has groups nested too deeply");
    groups_.push_back({out_.size(), 0});
    out_ += text;
  }
  void close_options() { out_.append(groups_.back().to_close, ')'); }

  void group() {
    if (take("(?#")) {
      while (!at_end() && peek() != ')') ++pos_;
      if (at_end()) refuse("has a comment without an end");
      ++pos_;
      return;
    }
    for (const std::string_view start : {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"}) {
      if (take(start)) return open(start);
    }
    if (take("(?<") || take("(?'")) {
      const char end = in_[pos_ - 1] == '<' ? '>' : '\'';
      std::string name;
      while (!at_end() && peek() != end) name += in_[pos_++];
      for (const char c : name) {
        if (!is_ascii_letter(c) && !is_digit(c) && c != '_') refuse("has an unusual group name");
      }
      if (at_end() || name.empty() || is_digit(name[0])) refuse("has an unusual group name");
      ++pos_;
      return open("(?<" + name + ">");
    }
    if (take("(?")) return options();
    if (take("(*")) refuse("has a callout");
    ++pos_;
    open("(");
  }

  // (?im-x) and (?im-x:...): m is PCRE2's s.
  void options() {
    std::string flags = "(?";
    bool ends = false;
    while (!ends) {
      const char c = peek();
      if (c == 'i' || c == '-') {
        flags += c;
        folds_case_ = folds_case_ || c == 'i';
      } else if (c == 'm') {
        flags += 's';
      } else if (c == ':' || c == ')') {
        ends = true;
      } else {
        refuse(fmt::format("has the group '(?{}'", c));
      }
      ++pos_;
    }
    if (in_[pos_ - 1] == ':') return open(flags + ":");
    // To the end of the group that it stands in, alternatives and all.
    out_ += flags + ":";
    ++groups_.back().to_close;
  }

  void put_set(const CodeSet& set, bool negated) {
    const std::string ranges = spelled(set);
    if (ranges.empty()) {
      out_ += negated ? "[\\x{0}-\\x{10FFFF}]" : "(?!)";
    } else {
      out_ += negated ? "[^" : "[";
      out_ += ranges + ']';
    }
  }

  static CodeSet known(std::string_view name) { return *named_set(name); }

  /// \w outside of a class: Oniguruma's table for Latin-1 has superscripts and fractions too.
  static CodeSet word() {
    CodeSet out = known("word");
    out.add(0xB2, 0xB3);
    out.add(0xB9, 0xB9);
    out.add(0xBC, 0xBE);
    return out;
  }

  /// \w \W \d \D \s \S \h \H \p{..} \P{..} behind the backslash; nothing if it is another escape.
  std::optional<CodeSet> shorthand(bool in_class) {
    const char c = peek();
    const auto one = [&](std::string_view name, bool negated) {
      ++pos_;
      return negated ? known(name).complement() : known(name);
    };
    switch (c) {
      case 'w':
      case 'W':
        if (in_class) return one("word", c == 'W');
        ++pos_;
        return c == 'W' ? word().complement() : word();
      case 'd':
      case 'D':
        return one("digit", c == 'D');
      case 's':
      case 'S':
        return one("space", c == 'S');
      case 'h':
      case 'H':
        return one("xdigit", c == 'H');
      case 'p':
      case 'P':
        break;
      default:
        return std::nullopt;
    }
    ++pos_;
    if (!take("{")) refuse("has a \\p without a name in braces");
    bool negated = c == 'P';
    if (take("^")) negated = !negated;
    const std::size_t end = in_.find('}', pos_);
    if (end == std::string_view::npos) refuse("has a \\p without an end");
    const std::string_view name = in_.substr(pos_, end - pos_);
    pos_ = end + 1;
    const auto set = named_set(name);
    if (!set) refuse(fmt::format("names the property '{}'", name));
    return negated ? set->complement() : *set;
  }

  /// The character of an escape that stands for one; nothing if it stands for more.
  std::optional<char32_t> escaped_character() {
    const char c = peek();
    const auto hex = [&](std::size_t least, std::size_t most) {
      char32_t value = 0;
      std::size_t digits = 0;
      for (; digits < most && !at_end(); ++digits, ++pos_) {
        const char d = peek();
        if (is_digit(d)) {
          value = value * 16 + static_cast<char32_t>(d - '0');
        } else if ((d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F')) {
          value = value * 16 + static_cast<char32_t>((d | 0x20) - 'a' + 10);
        } else {
          break;
        }
      }
      if (digits < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        refuse("has an escape that names no character");
      }
      return value;
    };
    if (c == 'x') {
      ++pos_;
      if (!take("{")) {
        const char32_t value = hex(1, 2);
        if (value > 0x7F) refuse("spells a character byte by byte");
        return value;
      }
      const char32_t value = hex(1, 8);
      if (!take("}")) refuse("has an escape that names no character");
      return value;
    }
    if (c == 'u') {
      ++pos_;
      return hex(4, 4);
    }
    if (c == '0') {
      char32_t value = 0;
      for (int i = 0; i < 3 && peek() >= '0' && peek() <= '7'; ++i) {
        value = value * 8 + static_cast<char32_t>(in_[pos_++] - '0');
      }
      if (value > 0x7F) refuse("spells a character byte by byte");
      return value;
    }
    constexpr std::string_view kNames = "ntrfvae";
    constexpr std::string_view kValues = "\n\t\r\f\v\a\x1B";
    if (const std::size_t at = kNames.find(c); c != '\0' && at != std::string_view::npos) {
      ++pos_;
      return static_cast<char32_t>(kValues[at]);
    }
    if (is_ascii_letter(c) || is_digit(c)) return std::nullopt;
    return next();
  }

  void escape() {
    if (const auto set = shorthand(false)) {
      // Outside of a class, a property does not care about (?i).
      if (folds_case_) out_ += "(?-i:";
      put_set(*set, false);
      if (folds_case_) out_ += ')';
      return;
    }
    const char c = peek();
    if (c >= '1' && c <= '9') {
      out_ += '\\';
      while (is_digit(peek())) out_ += in_[pos_++];
      return;
    }
    if (c == 'k' && peek(1) == '<') {
      const std::size_t end = in_.find('>', pos_);
      if (end == std::string_view::npos) refuse("has a \\k without an end");
      for (const char n : in_.substr(pos_ + 2, end - pos_ - 2)) {
        if (!is_ascii_letter(n) && !is_digit(n) && n != '_') refuse("has an unusual group name");
      }
      out_ += '\\';
      out_ += in_.substr(pos_, end + 1 - pos_);
      pos_ = end + 1;
      return;
    }
    if (c == 'b' || c == 'B') {
      ++pos_;
      const std::string w = '[' + spelled(word()) + ']';
      out_ += c == 'b' ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", w)
                       : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", w);
      return;
    }
    if (c == 'A' || c == 'z' || c == 'Z' || c == 'G' || c == 'R') {
      ++pos_;
      out_ += c == 'R' ? std::string("(?>\\x0D\\x0A|[\\x0A-\\x0D\\x{85}\\x{2028}\\x{2029}])")
                       : std::string{'\\', c};
      return;
    }
    const auto value = escaped_character();
    if (!value) refuse(fmt::format("has the escape '\\{}'", c));
    out_ += fmt::format("\\x{{{:X}}}", static_cast<unsigned>(*value));
  }

  /// Behind "[": the set without a leading "^", which goes to `negated`.
  CodeSet char_class(bool& negated, std::size_t depth) {
    if (depth > kDeepestNesting) refuse("has classes nested too deeply");
    negated = take("^");
    CodeSet all;  // of the parts before the last "&&"
    bool has_all = false;
    CodeSet part;
    const auto finish_part = [&] {
      all = has_all ? all.intersection(part) : part;
      has_all = true;
      part = CodeSet();
    };
    for (bool is_first = true;; is_first = false) {
      if (at_end()) refuse("has a class without an end");
      if (peek() == ']' && !is_first) {
        ++pos_;
        break;
      }
      if (take("&&")) {
        finish_part();
        continue;
      }
      if (peek() == '[' && peek(1) == ':') {
        if (posix(part)) continue;
      }
      if (peek() == '[') {
        ++pos_;
        bool inner_negated = false;
        const CodeSet inner = char_class(inner_negated, depth + 1);
        part.add(inner_negated ? inner.complement() : inner);
        continue;
      }
      range(part);
    }
    finish_part();
    return all;
  }

  bool posix(CodeSet& part) {
    const std::size_t end = in_.find(":]", pos_ + 2);
    if (end == std::string_view::npos) return false;
    std::string_view name = in_.substr(pos_ + 2, end - pos_ - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    auto set = named_set(name);
    if (!set) refuse(fmt::format("names the class '{}'", name));
    if (name == "punct") set->add(known("S"));  // unlike \p{Punct}
    part.add(negated ? set->complement() : *set);
    pos_ = end + 2;
    return true;
  }

  /// A character, a shorthand, or a range of characters.
  void range(CodeSet& part) {
    const auto one = [&](bool may_be_set) -> std::optional<char32_t> {
      if (!take("\\")) return next();
      if (may_be_set) {
        if (const auto set = shorthand(true)) {
          part.add(*set);
          return std::nullopt;
        }
      }
      if (take("b")) return U'\b';
      const auto value = escaped_character();
      if (!value) refuse(fmt::format("has '\\{}' in a class", peek()));
      return value;
    };
    const auto first = one(true);
    if (!first) return;
    char32_t last = *first;
    if (peek() == '-' && peek(1) != ']' && peek(1) != '\0' && peek(1) != '[' &&
        !(peek(1) == '&' && peek(2) == '&')) {
      ++pos_;
      last = *one(false);
      if (last < *first) refuse("has a class with an empty range");
    }
    part.add(*first, last);
  }

  std::string_view in_;
  const std::string& origin_;
  const std::string& where_;
  std::size_t pos_ = 0;
  std::string out_;
  std::size_t item_ = 0;
  bool folds_case_ = false;  // an option (?i) has been seen
  std::vector<Group> groups_;
};

}  // namespace

std::string rewrite_regex(std::string_view pattern, const std::string& origin,
                          const std::string& where) {
  return Rewriter(pattern, origin, where).run();
}

}  // namespace cutaway::tokenizer
