#include "chat/string_literal.h"

#include <fmt/format.h>

#include "chat/lexer.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

class Reader {
 public:
  Reader(std::string_view text, int line) : text_(text), line_(line) {}

  std::string run() {
    while (pos_ < text_.size()) {
      const char c = text_[pos_++];
      if (c == '\\' && pos_ < text_.size()) {
        escape(text_[pos_++]);
      } else {
        out_ += c;
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw SyntaxError(Failure::Kind::kTemplate, line_, message);
  }

  void escape(char c) {
    constexpr std::string_view kNames = "abfnrtv\\'\"";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"";
    if (const auto at = kNames.find(c); at != kNames.npos) {
      out_ += kValues[at];
    } else if (c == '\n') {
      // a line that goes on
    } else if (c >= '0' && c <= '7') {
      --pos_;
      code(8, 1, 3);
    } else if (c == 'x') {
      code(16, 2, 2);
    } else if (c == 'u') {
      code(16, 4, 4);
    } else if (c == 'U') {
      code(16, 8, 8);
    } else if (c == 'N') {
      throw SyntaxError(Failure::Kind::kUnsupported, line_, "the escape \\N{...} in a string");
    } else {
      // Python keeps what it does not know. A character behind the backslash may have several
      // bytes, of which the first is taken here and the others follow by themselves.
      out_ += '\\';
      out_ += c;
    }
  }

  void code(int base, int least, int most) {
    char32_t value = 0;
    int n = 0;
    for (; n < most && pos_ < text_.size() && digit(text_[pos_]) < base; ++n, ++pos_) {
      value = value * static_cast<char32_t>(base) + static_cast<char32_t>(digit(text_[pos_]));
    }
    if (n < least) fail(fmt::format("an escape with {} digits, expected {}", n, least));
    if (value > 0x10FFFF) fail("an escape above U+10FFFF");
    if (value >= 0xD800 && value < 0xE000) {
      throw SyntaxError(Failure::Kind::kUnsupported, line_, "half a surrogate pair in a string");
    }
    append_code_point(out_, value);
  }

  std::string_view text_;
  int line_;
  std::size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string string_literal_value(std::string_view text, int line) {
  return Reader(text, line).run();
}

std::string repr_of_character(std::string_view character) { return repr_of_text(character); }

}  // namespace cutaway::chat
