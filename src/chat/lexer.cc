#include "chat/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "chat/string_literal.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Line ends become \n, and one at the very end is dropped.
std::string normalized(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)), rest_(source_) {}

  std::vector<Token> run() {
    while (pos_ < rest_.size()) data();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw SyntaxError(Failure::Kind::kTemplate, line_, message);
  }

  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  bool at(std::string_view text, std::size_t pos) const {
    return rest_.compare(pos, text.size(), text) == 0;
  }
  bool at(std::string_view text) const { return at(text, pos_); }

  std::size_t space_end(std::size_t pos) const {
    while (pos < rest_.size()) {
      const std::size_t n = character_length(rest_.substr(pos));
      if (!is_space(code_point(rest_.substr(pos, n)))) break;
      pos += n;
    }
    return pos;
  }

  void move_to(std::size_t pos) {
    line_ += static_cast<int>(std::count(rest_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                         rest_.begin() + static_cast<std::ptrdiff_t>(pos), '\n'));
    // lstrip_blocks looks only at lines that start in this text, or where the last token ended.
    if (pos > pos_) line_starts_ = rest_[pos - 1] == '\n';
    pos_ = pos;
  }

  // Where `{%- raw -%}` that starts at `pos` ends, or npos.
  std::size_t raw_begin_end(std::size_t pos) const {
    pos += 2;
    if (pos < rest_.size() && (rest_[pos] == '-' || rest_[pos] == '+')) ++pos;
    pos = space_end(pos);
    if (!at("raw", pos)) return std::string_view::npos;
    pos = space_end(pos + 3);
    if (at("-%}", pos)) return space_end(pos + 3);
    return at("%}", pos) ? pos + 2 : std::string_view::npos;
  }

  // The text before a tag at `tag`, less what `-` and lstrip_blocks take away.
  std::string_view before_tag(std::size_t tag, bool is_variable) const {
    std::string_view text = rest_.substr(pos_, tag - pos_);
    const char sign = tag + 2 < rest_.size() ? rest_[tag + 2] : '\0';
    if (sign == '-') return strip_right(text, {});
    if (sign == '+' || is_variable) return text;
    const std::size_t newline = text.rfind('\n');
    const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    if (line == 0 && !line_starts_) return text;
    return strip_left(text.substr(line), {}).empty() ? text.substr(0, line) : text;
  }

  static std::size_t after_sign(std::string_view rest, std::size_t tag) {
    const char sign = tag + 2 < rest.size() ? rest[tag + 2] : '\0';
    return tag + 2 + (sign == '-' || sign == '+' ? 1 : 0);
  }

  void data() {
    std::size_t tag = pos_;
    for (;; ++tag) {
      tag = rest_.find('{', tag);
      if (tag == std::string_view::npos) {
        push(TokenKind::kData, std::string(rest_.substr(pos_)));
        return move_to(rest_.size());
      }
      if (at("{%", tag) || at("{{", tag) || at("{#", tag)) break;
    }
    const bool is_variable = rest_[tag + 1] == '{';
    const std::string_view text = before_tag(tag, is_variable);
    if (!text.empty()) push(TokenKind::kData, std::string(text));
    move_to(tag);
    if (at("{#")) return comment();
    if (!is_variable && raw_begin_end(tag) != std::string_view::npos) return raw();
    push(is_variable ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    move_to(after_sign(rest_, tag));
    inside(is_variable);
  }

  void comment() {
    const std::size_t begin = after_sign(rest_, pos_);
    const std::size_t end = rest_.find("#}", begin);
    if (end == std::string_view::npos) fail("a comment without its end '#}'");
    const char sign = end > begin ? rest_[end - 1] : '\0';
    std::size_t next = end + 2;
    if (sign == '-') {
      next = space_end(next);
    } else if (sign != '+' && at("\n", next)) {
      ++next;
    }
    move_to(next);
  }

  void raw() {
    move_to(raw_begin_end(pos_));
    for (std::size_t tag = pos_;; ++tag) {
      tag = rest_.find("{%", tag);
      if (tag == std::string_view::npos) fail("a raw block without its end '{% endraw %}'");
      std::size_t end = space_end(after_sign(rest_, tag));
      if (!at("endraw", end)) continue;
      end = space_end(end + 6);
      if (!at("%}", end) && !at("-%}", end) && !at("+%}", end)) continue;
      const std::string_view text = before_tag(tag, false);
      if (!text.empty()) push(TokenKind::kData, std::string(text));
      return move_to(block_end(end));
    }
  }

  // Behind a block's end that starts at `pos`, with what it trims.
  std::size_t block_end(std::size_t pos) const {
    if (rest_[pos] == '-') return space_end(pos + 3);
    if (rest_[pos] == '+') return pos + 3;
    return at("\n", pos + 2) ? pos + 3 : pos + 2;
  }

  void inside(bool is_variable) {
    const int first_line = line_;
    std::string open;  // brackets, which hide an end of the tag
    while (pos_ < rest_.size()) {
      if (open.empty()) {
        if (is_variable && (at("}}") || at("-}}"))) {
          push(TokenKind::kVariableEnd, "");
          return move_to(at("}}") ? pos_ + 2 : space_end(pos_ + 3));
        }
        if (!is_variable && (at("%}") || at("-%}") || at("+%}"))) {
          push(TokenKind::kBlockEnd, "");
          return move_to(block_end(pos_));
        }
      }
      token(open);
    }
    line_ = first_line;
    fail(is_variable ? "a print without its end '}}'" : "a block without its end '%}'");
  }

  void token(std::string& open) {
    const std::size_t space = space_end(pos_);
    if (space > pos_) return move_to(space);
    const char c = rest_[pos_];
    if (is_digit(c)) return number();
    if (is_name_start(c)) return name();
    if (c == '\'' || c == '"') return string(c);
    constexpr std::array<std::string_view, 26> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!at(op)) continue;
      bracket(c, open);
      push(TokenKind::kOperator, std::string(op));
      return move_to(pos_ + op.size());
    }
    const std::size_t n = character_length(rest_.substr(pos_));
    fail(fmt::format("unexpected character {}", repr_of_character(rest_.substr(pos_, n))));
  }

  void bracket(char c, std::string& open) const {
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '{') open += '}';
    if (c != ')' && c != ']' && c != '}') return;
    if (open.empty()) fail(fmt::format("unexpected '{}'", c));
    if (open.back() != c) fail(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
    open.pop_back();
  }

  void name() {
    std::size_t end = pos_;
    while (end < rest_.size() && (is_name_start(rest_[end]) || is_digit(rest_[end]))) ++end;
    push(TokenKind::kName, std::string(rest_.substr(pos_, end - pos_)));
    move_to(end);
  }

  // A run of digits that single underscores may part.
  std::size_t digits_end(std::size_t pos) const {
    while (pos < rest_.size() &&
           (is_digit(rest_[pos]) || (rest_[pos] == '_' && pos + 1 < rest_.size() &&
                                     is_digit(rest_[pos + 1]) && is_digit(rest_[pos - 1])))) {
      ++pos;
    }
    return pos;
  }

  void number() {
    if (at("0x") || at("0X") || at("0b") || at("0B") || at("0o") || at("0O")) return based_number();
    std::size_t end = digits_end(pos_);
    bool is_float = false;
    const bool after_dot = pos_ > 0 && rest_[pos_ - 1] == '.';
    if (!after_dot) {
      if (at(".", end) && end + 1 < rest_.size() && is_digit(rest_[end + 1])) {
        end = digits_end(end + 1);
        is_float = true;
      }
      if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
        std::size_t exponent = end + 1;
        if (exponent < rest_.size() && (rest_[exponent] == '+' || rest_[exponent] == '-')) {
          ++exponent;
        }
        if (exponent < rest_.size() && is_digit(rest_[exponent])) {
          end = digits_end(exponent);
          is_float = true;
        }
      }
    }
    std::string text(rest_.substr(pos_, end - pos_));
    std::erase(text, '_');
    if (is_float) {
      push(TokenKind::kFloat, text);
      double d = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), d);
      // Python reads what is too large as infinity, what is too small as 0.
      if (read.ec == std::errc::result_out_of_range) {
        d = text.find("e-") != std::string::npos || text.find("E-") != std::string::npos
                ? 0
                : std::numeric_limits<double>::infinity();
      }
      tokens_.back().real = d;
    } else {
      integer(text, 10);
    }
    move_to(end);
  }

  void based_number() {
    const char kind = static_cast<char>(rest_[pos_ + 1] | 0x20);
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : 2;
    std::size_t end = pos_ + 2;
    while (end < rest_.size() && (is_name_start(rest_[end]) || is_digit(rest_[end]))) ++end;
    std::string text(rest_.substr(pos_ + 2, end - pos_ - 2));
    std::erase(text, '_');
    integer(text, base);
    move_to(end);
  }

  void integer(const std::string& text, int base) {
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (read.ec == std::errc::result_out_of_range) {
      throw SyntaxError(Failure::Kind::kUnsupported, line_,
                        fmt::format("the integer {}, which needs more than 64 bits", text));
    }
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      fail(fmt::format("'{}' is no number", text));
    }
    push(TokenKind::kInteger, text);
    tokens_.back().integer = value;
  }

  void string(char quote) {
    std::size_t end = pos_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) fail("a string without its end");
    push(TokenKind::kString, string_literal_value(rest_.substr(pos_ + 1, end - pos_ - 1), line_));
    move_to(end + 1);
  }

  std::string source_;
  std::string_view rest_;
  std::size_t pos_ = 0;
  int line_ = 1;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(normalized(source)).run(); }

}  // namespace cutaway::chat
