#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/parser.h"
#include "io/utf8.h"

namespace cutaway::chat {
namespace {

constexpr int kMaxNesting = 100;  // of brackets and statements; each is a dozen calls deep
constexpr int kMaxHeight = 300;   // of a tree: a + b + c ... grows one without nesting

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData:
      return "text";
    case TokenKind::kBlockBegin:
      return "'{%'";
    case TokenKind::kBlockEnd:
      return "the end of the block";
    case TokenKind::kVariableBegin:
      return "'{{'";
    case TokenKind::kVariableEnd:
      return "the end of the print";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", io::printable(token.text));
  }
}

}  // namespace

ExpressionParser::Nesting::Nesting(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.nesting_ > kMaxNesting) {
    --parser_.nesting_;
    throw SyntaxError(Failure::Kind::kLimit, parser_.current().line,
                      fmt::format("nested more than {} deep", kMaxNesting));
  }
}

bool ExpressionParser::is_op(std::string_view op) const {
  return current().kind == TokenKind::kOperator && current().text == op;
}
bool ExpressionParser::is_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}
bool ExpressionParser::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  advance();
  return true;
}
bool ExpressionParser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  advance();
  return true;
}
void ExpressionParser::expect_op(std::string_view op) {
  if (!skip_op(op)) fail_expected(fmt::format("'{}'", op));
}
void ExpressionParser::expect_name(std::string_view name) {
  if (!skip_name(name)) fail_expected(fmt::format("'{}'", name));
}
std::string ExpressionParser::expect_any_name(std::string_view what) {
  if (current().kind != TokenKind::kName) fail_expected(what);
  std::string name = current().text;
  advance();
  return name;
}
void ExpressionParser::fail(const std::string& message) const {
  throw SyntaxError(Failure::Kind::kTemplate, current().line, message);
}
void ExpressionParser::fail_unsupported(int line, const std::string& what) const {
  throw SyntaxError(Failure::Kind::kUnsupported, line, what);
}
void ExpressionParser::fail_expected(std::string_view expected) const {
  fail(fmt::format("found {}, expected {}", describe(current()), expected));
}

void ExpressionParser::measure(Expression& e) const {
  int height = 0;
  const auto add = [&height](const ExpressionPtr& child) {
    if (child) height = std::max(height, child->height);
  };
  for (const auto& child : e.children) add(child);
  for (const auto& [name, value] : e.keywords) add(value);
  add(e.star);
  add(e.double_star);
  e.height = height + 1;
  if (e.height > kMaxHeight) {
    throw SyntaxError(Failure::Kind::kLimit, e.line,
                      fmt::format("an expression more than {} operators deep", kMaxHeight));
  }
}

ExpressionPtr ExpressionParser::make(ExpressionKind kind, int line,
                                     std::vector<ExpressionPtr> children) const {
  auto e = std::make_unique<Expression>();
  e->kind = kind;
  e->line = line;
  e->children = std::move(children);
  measure(*e);
  return e;
}

ExpressionPtr ExpressionParser::binary(ExpressionPtr left, ExpressionPtr right, std::string op,
                                       int line) const {
  std::vector<ExpressionPtr> both;
  both.push_back(std::move(left));
  both.push_back(std::move(right));
  ExpressionPtr e = make(ExpressionKind::kBinary, line, std::move(both));
  e->name = std::move(op);
  return e;
}

ExpressionPtr ExpressionParser::expression(bool with_conditional) {
  const Nesting nesting(*this);
  const int line = current().line;
  const std::size_t known = unknown_.size();
  ++open_expressions_;
  ExpressionPtr value = disjunction();
  bool is_guarded = conditions_ > 0;
  while (with_conditional && skip_name("if")) {
    is_guarded = true;
    std::vector<ExpressionPtr> parts;
    parts.push_back(disjunction());
    parts.push_back(std::move(value));
    parts.push_back(skip_name("else") ? expression() : nullptr);
    value = make(ExpressionKind::kConditional, line, std::move(parts));
  }
  // What a condition guards may name a filter that does not exist: an error when it runs, as in
  // jinja2.
  if (is_guarded) {
    unknown_.resize(known, {Failure::Kind::kTemplate, 0, ""});
  } else if (unknown_.size() > known && open_expressions_ == 1) {
    throw SyntaxError(unknown_[known]);
  }
  --open_expressions_;
  return value;
}

ExpressionPtr ExpressionParser::disjunction() {
  ExpressionPtr left = conjunction();
  while (is_name("or")) {
    const int line = current().line;
    advance();
    std::vector<ExpressionPtr> both;
    both.push_back(std::move(left));
    both.push_back(conjunction());
    left = make(ExpressionKind::kOr, line, std::move(both));
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  while (is_name("and")) {
    const int line = current().line;
    advance();
    std::vector<ExpressionPtr> both;
    both.push_back(std::move(left));
    both.push_back(negation());
    left = make(ExpressionKind::kAnd, line, std::move(both));
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  const int line = current().line;
  if (!skip_name("not")) return comparison();
  const Nesting nesting(*this);
  std::vector<ExpressionPtr> one;
  one.push_back(negation());
  return make(ExpressionKind::kNot, line, std::move(one));
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = current().line;
  std::vector<ExpressionPtr> operands;
  operands.push_back(sum());
  std::vector<std::string> operators;
  constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
  for (;;) {
    if (current().kind == TokenKind::kOperator &&
        std::ranges::find(kOperators, current().text) != kOperators.end()) {
      operators.push_back(current().text);
      advance();
    } else if (skip_name("in")) {
      operators.emplace_back("in");
    } else if (is_name("not") && ahead().kind == TokenKind::kName && ahead().text == "in") {
      advance();
      advance();
      operators.emplace_back("not in");
    } else {
      break;
    }
    operands.push_back(sum());
  }
  if (operators.empty()) return std::move(operands.front());
  ExpressionPtr e = make(ExpressionKind::kCompare, line, std::move(operands));
  e->names = std::move(operators);
  return e;
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (is_op("+") || is_op("-")) {
    const int line = current().line;
    std::string op = current().text;
    advance();
    left = binary(std::move(left), concatenation(), std::move(op), line);
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  parts.push_back(product());
  while (skip_op("~")) parts.push_back(product());
  if (parts.size() == 1) return std::move(parts.front());
  return make(ExpressionKind::kConcat, line, std::move(parts));
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (is_op("*") || is_op("/") || is_op("//") || is_op("%")) {
    const int line = current().line;
    std::string op = current().text;
    advance();
    left = binary(std::move(left), power(), std::move(op), line);
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (is_op("**")) {
    const int line = current().line;
    advance();
    left = binary(std::move(left), unary(), "**", line);
  }
  return left;
}

ExpressionPtr ExpressionParser::unary(bool with_filter) {
  const int line = current().line;
  ExpressionPtr e;
  if (is_op("-") || is_op("+")) {
    const ExpressionKind kind = is_op("-") ? ExpressionKind::kNegative : ExpressionKind::kPositive;
    const Nesting nesting(*this);
    advance();
    std::vector<ExpressionPtr> one;
    one.push_back(unary(false));
    e = make(kind, line, std::move(one));
  } else {
    e = primary();
  }
  e = postfix(std::move(e));
  return with_filter ? filters_and_tests(std::move(e)) : std::move(e);
}

ExpressionPtr ExpressionParser::test(ExpressionPtr e) {
  const int line = current().line;
  advance();  // is
  const bool is_negated = skip_name("not");
  std::vector<ExpressionPtr> one;
  one.push_back(std::move(e));
  ExpressionPtr t = make(ExpressionKind::kTest, line, std::move(one));
  t->name = dotted_name("the name of a test");
  check_known(false, t->name, line);
  const TokenKind kind = current().kind;
  const bool starts_argument = kind == TokenKind::kName || kind == TokenKind::kString ||
                               kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
                               is_op("[") || is_op("{");
  if (is_op("(")) {
    call_arguments(*t);
  } else if (starts_argument && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) fail("tests cannot be chained with 'is'");
    t->children.push_back(postfix(primary()));
  }
  measure(*t);
  if (!is_negated) return t;
  std::vector<ExpressionPtr> negated;
  negated.push_back(std::move(t));
  return make(ExpressionKind::kNot, line, std::move(negated));
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr e) {
  for (;;) {
    if (is_op("|")) {
      e = filter_chain(std::move(e), false);
    } else if (is_name("is")) {
      e = test(std::move(e));
    } else if (is_op("(")) {
      e = call(std::move(e));
    } else {
      return e;
    }
  }
}

ExpressionPtr ExpressionParser::filter_chain(ExpressionPtr value, bool starts_with_name) {
  while (starts_with_name || is_op("|")) {
    if (!starts_with_name) advance();
    starts_with_name = false;
    const int line = current().line;
    std::vector<ExpressionPtr> one;
    one.push_back(std::move(value));
    value = make(ExpressionKind::kFilter, line, std::move(one));
    value->name = dotted_name("the name of a filter");
    check_known(true, value->name, line);
    if (is_op("(")) call_arguments(*value);
  }
  return value;
}

std::string ExpressionParser::dotted_name(std::string_view what) {
  std::string name = expect_any_name(what);
  while (skip_op(".")) name += "." + expect_any_name(what);
  return name;
}

void ExpressionParser::check_known(bool is_filter, const std::string& name, int line) {
  const char* kind = is_filter ? "filter" : "test";
  switch (is_filter ? knows_filter(name) : knows_test(name)) {
    case Known::kYes:
      return;
    case Known::kUnsupported:
      return fail_unsupported(line, fmt::format("the {} '{}'", kind, name));
    case Known::kNo:
      unknown_.emplace_back(Failure::Kind::kTemplate, line,
                            fmt::format("no {} named '{}'", kind, io::printable(name)));
      // Outside of an expression (a filter block) there is no condition to come.
      if (open_expressions_ == 0 && conditions_ == 0) throw SyntaxError(unknown_.back());
  }
}

}  // namespace cutaway::chat
