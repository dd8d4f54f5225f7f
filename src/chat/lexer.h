// A template's text as tokens, by jinja2's rules with trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/value.h"

namespace cutaway::chat {

enum class TokenKind : std::uint8_t {
  kData,
  kBlockBegin,
  kBlockEnd,
  kVariableBegin,
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  int line;
  std::string text;  ///< data, name, operator, the string's value
  std::int64_t integer = 0;
  double real = 0;
};

/// A template that cannot be parsed.
class SyntaxError : public Failure {
 public:
  SyntaxError(Kind kind, int line, const std::string& message)
      : Failure(kind, message), line_(line) {}
  int line() const noexcept { return line_; }

 private:
  int line_;
};

/// throws SyntaxError. The last token is kEnd.
std::vector<Token> tokenize(std::string_view source);

}  // namespace cutaway::chat
