// The statements.
#include "chat/parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "io/utf8.h"

namespace cutaway::chat {
namespace {

class Parser : private ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Block run() { return block({}, ""); }

 private:
  // Statements up to `{% NAME`, NAME one of `ends`: the parser stands on the name then.
  Block block(const std::vector<std::string_view>& ends, std::string_view inside) {
    const Nesting nesting(*this);
    Block out;
    for (;;) {
      const Token& token = current();
      switch (token.kind) {
        case TokenKind::kEnd:
          if (ends.empty()) return out;
          fail(fmt::format("the template ends inside '{}', expected '{}'", inside, ends.back()));
        case TokenKind::kData: {
          Statement& text = out.emplace_back();
          text.line = token.line;
          text.text = token.text;
          advance();
          break;
        }
        case TokenKind::kVariableBegin: {
          Statement print{.kind = StatementKind::kPrint, .line = token.line};
          advance();
          print.values.push_back(tuple({}));
          if (current().kind != TokenKind::kVariableEnd) fail_expected("the end of the print");
          advance();
          out.push_back(std::move(print));
          break;
        }
        case TokenKind::kBlockBegin: {
          advance();
          for (const std::string_view end : ends) {
            if (is_name(end)) return out;
          }
          out.push_back(statement());
          end_of_block();
          break;
        }
        default:
          fail_expected("text or a tag");
      }
    }
  }

  void end_of_block() {
    if (current().kind != TokenKind::kBlockEnd) fail_expected("the end of the block");
    advance();
  }

  // The body of a statement up to its own end, which is taken.
  Block body(std::string_view end, std::string_view inside) {
    end_of_block();
    Block out = block({end}, inside);
    advance();
    return out;
  }

  Statement statement() {
    const int line = current().line;
    const std::string name = expect_any_name("the name of a statement");
    Statement s;
    s.line = line;
    if (name == "if") return if_statement(line);
    if (name == "for") return for_statement(line);
    if (name == "set") return set_statement(line);
    if (name == "macro") return macro_statement(line);
    if (name == "call") return call_statement(line);
    if (name == "filter") return filter_statement(line);
    if (name == "with") return with_statement(line);
    if (name == "print") {
      s.kind = StatementKind::kPrint;
      while (current().kind != TokenKind::kBlockEnd) {
        if (!s.values.empty()) expect_op(",");
        s.values.push_back(expression());
      }
      return s;
    }
    if (name == "generation") {
      s.kind = StatementKind::kGeneration;
      const int loops = std::exchange(loops_, 0);
      s.body = body("endgeneration", name);
      loops_ = loops;
      return s;
    }
    if (name == "break" || name == "continue") {
      if (loops_ == 0) fail(fmt::format("'{}' outside of a loop", name));
      s.kind = name == "break" ? StatementKind::kBreak : StatementKind::kContinue;
      return s;
    }
    constexpr std::array<std::string_view, 7> kOthers = {"block", "extends",    "include", "import",
                                                         "from",  "autoescape", "do"};
    if (std::ranges::find(kOthers, name) != kOthers.end()) {
      fail_unsupported(line, fmt::format("the statement '{}'", name));
    }
    throw SyntaxError(Failure::Kind::kTemplate, line,
                      fmt::format("unknown statement '{}'", io::printable(name)));
  }

  Statement if_statement(int line) {
    Statement s{.kind = StatementKind::kIf, .line = line};
    Statement* at = &s;
    ++conditions_;
    for (int n = 0;; ++n) {
      at->condition = tuple({.with_conditional = false});
      end_of_block();
      at->body = block({"elif", "else", "endif"}, "if");
      if (skip_name("elif")) {
        // A chain of elifs nests, and what runs it goes as deep.
        if (n >= kMaxElif) fail(fmt::format("more than {} times 'elif'", kMaxElif));
        Statement next{.kind = StatementKind::kIf, .line = current().line};
        at->else_body.push_back(std::move(next));
        at = &at->else_body.back();
        continue;
      }
      if (skip_name("else")) {
        end_of_block();
        at->else_body = block({"endif"}, "if");
      }
      break;
    }
    --conditions_;
    expect_name("endif");
    return s;
  }

  Statement for_statement(int line) {
    Statement s{.kind = StatementKind::kFor, .line = line};
    s.target = target("in", false);
    expect_name("in");
    s.value = tuple({.with_conditional = false, .end_name = "recursive"});
    if (skip_name("if")) s.condition = expression();
    if (is_name("recursive")) fail_unsupported(line, "'recursive' in a for statement");
    end_of_block();
    ++loops_;
    s.body = block({"else", "endfor"}, "for");
    --loops_;
    if (skip_name("else")) {
      end_of_block();
      s.else_body = block({"endfor"}, "for");
    }
    expect_name("endfor");
    return s;
  }

  Statement set_statement(int line) {
    Statement s{.kind = StatementKind::kSet, .line = line};
    s.target = target("", true);
    if (skip_op("=")) {
      s.value = tuple({});
      return s;
    }
    s.kind = StatementKind::kSetBlock;
    s.value = filter_chain(nullptr, false);
    s.body = body("endset", "set");
    return s;
  }

  Statement with_statement(int line) {
    Statement s{.kind = StatementKind::kWith, .line = line};
    while (current().kind != TokenKind::kBlockEnd) {
      if (!s.targets.empty()) expect_op(",");
      s.targets.push_back(target("", false));
      expect_op("=");
      s.values.push_back(expression());
    }
    s.body = body("endwith", "with");
    return s;
  }

  std::shared_ptr<MacroDefinition> signature(std::string name, bool has_parameters) {
    auto macro = std::make_shared<MacroDefinition>();
    macro->name = std::move(name);
    if (!has_parameters) return macro;
    expect_op("(");
    while (!is_op(")")) {
      if (!macro->parameters.empty()) expect_op(",");
      macro->parameters.push_back(expect_any_name("the name of a parameter"));
      if (skip_op("=")) {
        macro->defaults.push_back(expression());
      } else if (!macro->defaults.empty()) {
        fail("a parameter without a default behind one with a default");
      }
    }
    expect_op(")");
    return macro;
  }

  void macro_body(MacroDefinition& macro, std::string_view end, std::string_view inside) {
    macros_.emplace_back();
    const int loops = std::exchange(loops_, 0);
    macro.body = body(end, inside);
    loops_ = loops;
    const auto uses = [&macro](bool mentioned, std::string_view name) {
      return mentioned && std::ranges::find(macro.parameters, name) == macro.parameters.end();
    };
    macro.uses_varargs = uses(macros_.back().varargs, "varargs");
    macro.uses_kwargs = uses(macros_.back().kwargs, "kwargs");
    macro.uses_caller = macros_.back().caller;
    macros_.pop_back();
  }

  Statement macro_statement(int line) {
    Statement s{.kind = StatementKind::kMacro, .line = line};
    auto macro = signature(expect_any_name("the name of a macro"), true);
    macro_body(*macro, "endmacro", "macro");
    s.function = std::move(macro);
    return s;
  }

  Statement call_statement(int line) {
    Statement s{.kind = StatementKind::kCallBlock, .line = line};
    auto macro = signature("caller", is_op("("));
    s.value = expression();
    if (s.value->kind != ExpressionKind::kCall) fail("expected a call behind 'call'");
    macro_body(*macro, "endcall", "call");
    s.function = std::move(macro);
    return s;
  }

  Statement filter_statement(int line) {
    Statement s{.kind = StatementKind::kFilterBlock, .line = line};
    s.value = filter_chain(nullptr, true);
    const int loops = loops_;
    s.body = body("endfilter", "filter");
    loops_ = loops;
    return s;
  }

  static constexpr int kMaxElif = 200;
  int loops_ = 0;
};

}  // namespace

Block parse_template(std::string_view source) { return Parser(tokenize(source)).run(); }

}  // namespace cutaway::chat
