// Names, literals, tuples, calls and subscripts.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "chat/parser.h"

namespace cutaway::chat {
namespace {

Text literal(std::string text) {
  return Text{std::make_shared<const std::string>(std::move(text)), false};
}

}  // namespace

ExpressionPtr ExpressionParser::name_or_constant() {
  const Token token = current();
  advance();
  const std::string& text = token.text;
  ExpressionPtr e = make(ExpressionKind::kConstant, token.line);
  if (text == "true" || text == "True") {
    e->constant = true;
  } else if (text == "false" || text == "False") {
    e->constant = false;
  } else if (text == "none" || text == "None") {
    e->constant = None{};
  } else {
    for (Mentions& m : macros_) {
      m.varargs |= text == "varargs";
      m.kwargs |= text == "kwargs";
      m.caller |= text == "caller";
    }
    e->kind = ExpressionKind::kName;
    e->name = text;
  }
  return e;
}

ExpressionPtr ExpressionParser::primary() {
  const Token token = current();
  ExpressionPtr e;
  switch (token.kind) {
    case TokenKind::kName:
      return name_or_constant();
    case TokenKind::kString: {
      std::string text;
      for (; current().kind == TokenKind::kString; advance()) text += current().text;
      e = make(ExpressionKind::kConstant, token.line);
      e->constant = literal(std::move(text));
      return e;
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      advance();
      e = make(ExpressionKind::kConstant, token.line);
      e->constant = token.kind == TokenKind::kInteger ? Value(token.integer) : Value(token.real);
      return e;
    default:
      break;
  }
  if (skip_op("(")) {
    e = tuple({.in_parentheses = true});
    expect_op(")");
    return e;
  }
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  fail_expected("an expression");
}

bool ExpressionParser::is_tuple_end(std::string_view end_name) const {
  return current().kind == TokenKind::kVariableEnd || current().kind == TokenKind::kBlockEnd ||
         is_op(")") || (!end_name.empty() && is_name(end_name));
}

ExpressionPtr ExpressionParser::tuple(const TupleRules& rules) {
  const Nesting nesting(*this);
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) expect_op(",");
    if (is_tuple_end(rules.end_name)) break;
    items.push_back(rules.is_target ? primary() : expression(rules.with_conditional));
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!rules.in_parentheses) fail_expected("an expression");
  }
  return make(ExpressionKind::kTuple, line, std::move(items));
}

ExpressionPtr ExpressionParser::list() {
  const int line = current().line;
  expect_op("[");
  std::vector<ExpressionPtr> items;
  while (!is_op("]")) {
    if (!items.empty()) expect_op(",");
    if (is_op("]")) break;
    items.push_back(expression());
  }
  expect_op("]");
  return make(ExpressionKind::kList, line, std::move(items));
}

ExpressionPtr ExpressionParser::dict() {
  const int line = current().line;
  expect_op("{");
  std::vector<ExpressionPtr> items;
  while (!is_op("}")) {
    if (!items.empty()) expect_op(",");
    if (is_op("}")) break;
    items.push_back(expression());
    expect_op(":");
    items.push_back(expression());
  }
  expect_op("}");
  return make(ExpressionKind::kDict, line, std::move(items));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr callee) {
  const int line = current().line;
  std::vector<ExpressionPtr> one;
  one.push_back(std::move(callee));
  ExpressionPtr e = make(ExpressionKind::kCall, line, std::move(one));
  call_arguments(*e);
  return e;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr e) {
  for (;;) {
    if (is_op(".") || is_op("[")) {
      e = subscript(std::move(e));
    } else if (is_op("(")) {
      e = call(std::move(e));
    } else {
      return e;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr e) {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  parts.push_back(std::move(e));
  if (skip_op(".")) {
    if (current().kind == TokenKind::kName) {
      ExpressionPtr attribute = make(ExpressionKind::kAttribute, line, std::move(parts));
      attribute->name = current().text;
      advance();
      return attribute;
    }
    if (current().kind != TokenKind::kInteger) fail_expected("a name or a number behind '.'");
    parts.push_back(make(ExpressionKind::kConstant, line));
    parts.back()->constant = current().integer;
    advance();
    return make(ExpressionKind::kItem, line, std::move(parts));
  }
  expect_op("[");
  std::vector<ExpressionPtr> indices;
  while (!is_op("]")) {
    if (!indices.empty()) expect_op(",");
    indices.push_back(index());
  }
  expect_op("]");
  parts.push_back(indices.size() == 1 ? std::move(indices.front())
                                      : make(ExpressionKind::kTuple, line, std::move(indices)));
  return make(ExpressionKind::kItem, line, std::move(parts));
}

ExpressionPtr ExpressionParser::index() {
  const int line = current().line;
  std::vector<ExpressionPtr> bounds(1);
  if (!is_op(":")) {
    bounds[0] = expression();
    if (!is_op(":")) return std::move(bounds[0]);
  }
  while (bounds.size() < 3 && skip_op(":")) {
    const bool is_absent = is_op(":") || is_op("]") || is_op(",");
    bounds.push_back(is_absent ? nullptr : expression());
  }
  bounds.resize(3);
  return make(ExpressionKind::kSlice, line, std::move(bounds));
}

void ExpressionParser::call_arguments(Expression& call) {
  const Nesting nesting(*this);
  expect_op("(");
  bool needs_comma = false;
  while (!is_op(")")) {
    if (needs_comma) {
      expect_op(",");
      if (is_op(")")) break;
    }
    needs_comma = true;
    if (is_op("*") || is_op("**")) {
      ExpressionPtr& star = is_op("*") ? call.star : call.double_star;
      if (star || call.double_star) fail("found a second '*' or '**', expected one");
      advance();
      star = expression();
      continue;
    }
    if (current().kind == TokenKind::kName && ahead().kind == TokenKind::kOperator &&
        ahead().text == "=") {
      if (call.double_star) fail("found an argument behind '**'");
      std::string name = current().text;
      advance();
      advance();
      for (const auto& [other, unused] : call.keywords) {
        if (other == name) fail(fmt::format("the argument '{}' twice", name));
      }
      call.keywords.emplace_back(std::move(name), expression());
      continue;
    }
    if (call.star || call.double_star || !call.keywords.empty()) {
      fail("found a positional argument behind a named one");
    }
    call.children.push_back(expression());
  }
  expect_op(")");
  measure(call);
}

ExpressionPtr ExpressionParser::target(std::string_view end_name, bool may_be_attribute) {
  const int line = current().line;
  if (may_be_attribute && current().kind == TokenKind::kName &&
      ahead().kind == TokenKind::kOperator && ahead().text == ".") {
    ExpressionPtr e = make(ExpressionKind::kNamespaceAttribute, line);
    e->names.push_back(current().text);
    advance();
    advance();
    e->name = expect_any_name("the name of an attribute");
    return e;
  }
  ExpressionPtr e = tuple({.is_target = true, .end_name = end_name});
  const auto check = [&](const auto& self, const Expression& part) -> void {
    if (part.kind == ExpressionKind::kTuple) {
      for (const auto& child : part.children) self(self, *child);
      return;
    }
    if (part.kind != ExpressionKind::kName) {
      throw SyntaxError(Failure::Kind::kTemplate, part.line,
                        "cannot assign to this, expected a name");
    }
  };
  check(check, *e);
  return e;
}

}  // namespace cutaway::chat
