// Tokens to a tree, by jinja2's grammar.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "chat/ast.h"
#include "chat/lexer.h"

namespace cutaway::chat {

/// throws SyntaxError: of kind kUnsupported for a statement, filter or test of jinja2 that this
/// engine does not have.
Block parse_template(std::string_view source);

/// The expressions; Parser (parser.cc) adds the statements.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  struct TupleRules {
    bool is_target = false;  // names and literals only
    bool with_conditional = true;
    bool in_parentheses = false;     // an empty tuple is an expression
    std::string_view end_name = "";  // a name that ends the tuple as well
  };
  /// Counts nesting while it lives.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    ExpressionParser& parser_;
  };
  /// Names that a macro body mentions.
  struct Mentions {
    bool varargs = false, kwargs = false, caller = false;
  };

  const Token& current() const { return tokens_[pos_]; }
  const Token& ahead() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  void advance() {
    if (pos_ + 1 < tokens_.size()) ++pos_;
  }
  bool is_op(std::string_view op) const;
  bool is_name(std::string_view name) const;
  bool skip_op(std::string_view op);
  bool skip_name(std::string_view name);
  void expect_op(std::string_view op);
  void expect_name(std::string_view name);
  std::string expect_any_name(std::string_view what);
  [[noreturn]] void fail(const std::string& message) const;
  [[noreturn]] void fail_unsupported(int line, const std::string& what) const;
  [[noreturn]] void fail_expected(std::string_view expected) const;

  ExpressionPtr expression(bool with_conditional = true);
  ExpressionPtr tuple(const TupleRules& rules);
  ExpressionPtr target(std::string_view end_name, bool may_be_attribute);
  /// `name(args)|name ...` applied to nothing: what a filter block is.
  ExpressionPtr filter_chain(ExpressionPtr value, bool starts_with_name);
  ExpressionPtr unary(bool with_filter = true);
  void call_arguments(Expression& call);
  ExpressionPtr call(ExpressionPtr callee);  ///< the parenthesis comes next
  ExpressionPtr make(ExpressionKind kind, int line, std::vector<ExpressionPtr> children = {}) const;
  /// Again after children, keywords or stars were added: a tree too high to walk is an error.
  void measure(Expression& e) const;

  std::vector<Mentions> macros_;
  int conditions_ = 0;  // how many ifs are open: unknown filters fail there only when they run

 private:
  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr primary();
  ExpressionPtr list();
  ExpressionPtr dict();
  ExpressionPtr postfix(ExpressionPtr e);
  ExpressionPtr filters_and_tests(ExpressionPtr e);
  ExpressionPtr subscript(ExpressionPtr e);
  ExpressionPtr index();
  ExpressionPtr test(ExpressionPtr e);
  ExpressionPtr binary(ExpressionPtr left, ExpressionPtr right, std::string op, int line) const;
  std::string dotted_name(std::string_view what);
  void check_known(bool is_filter, const std::string& name, int line);
  bool is_tuple_end(std::string_view end_name) const;
  ExpressionPtr name_or_constant();

  std::vector<Token> tokens_;
  std::size_t pos_ = 0;
  int nesting_ = 0;
  int open_expressions_ = 0;
  std::vector<SyntaxError> unknown_;  // filters and tests that may be behind a condition
};

}  // namespace cutaway::chat
