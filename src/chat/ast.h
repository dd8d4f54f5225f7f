// A parsed template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/value.h"

namespace cutaway::chat {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind : std::uint8_t {
  kConstant,
  kName,
  kTuple,
  kList,
  kDict,       // children: key, value, key, value ...
  kAttribute,  // child . name
  kItem,       // child [ child ]
  kSlice,      // start, stop, step; each may be null. Only below kItem
  kCall,       // callee, then the positional arguments
  kFilter,     // the value (null in a filter block), then the positional arguments
  kTest,       // likewise
  kNot,
  kNegative,
  kPositive,
  kAnd,
  kOr,
  kBinary,              // name: the operator
  kConcat,              // a ~ b ~ c
  kCompare,             // first operand, then one for each operator in `names`
  kConditional,         // test, then, else (may be null)
  kNamespaceAttribute,  // only a target of set: names[0] . name
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  int line = 0;
  int height = 1;  ///< of the tree, which is walked by recursion
  Value constant;
  std::string name;
  std::vector<std::string> names;
  std::vector<ExpressionPtr> children;
  std::vector<std::pair<std::string, ExpressionPtr>> keywords;
  ExpressionPtr star, double_star;  ///< f(*a, **b)
};

enum class StatementKind : std::uint8_t {
  kText,
  kPrint,        // values
  kIf,           // condition, body, else_body
  kFor,          // target, value = what is walked, condition = filter (or null), body, else_body
  kSet,          // target, value
  kSetBlock,     // target, value = filters round the body (or null), body
  kWith,         // targets, values, body
  kMacro,        // function
  kCallBlock,    // value = the call, function = caller
  kFilterBlock,  // value = the filters, body
  kGeneration,   // body
  kBreak,
  kContinue,
};

struct Statement;
using Block = std::vector<Statement>;

struct MacroDefinition {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;  ///< of the last parameters
  Block body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  int line = 0;
  std::string text;
  ExpressionPtr target, value, condition;
  std::vector<ExpressionPtr> targets, values;
  Block body, else_body;
  std::shared_ptr<const MacroDefinition> function;
};

}  // namespace cutaway::chat
