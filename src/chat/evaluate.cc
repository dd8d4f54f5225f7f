// The expressions.
#include <algorithm>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/interpreter_scope.h"
#include "chat/repr.h"

namespace cutaway::chat {

Value Interpreter::look_up(const std::string& name) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    budget_.step(1 + scope->names.size() / 4);
    for (const auto& [key, value] : scope->names) {
      if (key == name) return value;
    }
  }
  return make_undefined(fmt::format("'{}' is undefined", name));
}

std::vector<Value> Interpreter::evaluate_all(const Expression& e) {
  std::vector<Value> out;
  out.reserve(e.children.size());
  for (const auto& child : e.children) out.push_back(evaluate(*child));
  return out;
}

Value Interpreter::evaluate(const Expression& e) {
  const Depth depth(*this);
  budget_.step();
  line_ = e.line;
  switch (e.kind) {
    case ExpressionKind::kConstant:
      return e.constant;
    case ExpressionKind::kName:
      return look_up(e.name);
    case ExpressionKind::kTuple:
      return make_list(budget_, evaluate_all(e), List::Flavor::kTuple);
    case ExpressionKind::kList:
      return make_list(budget_, evaluate_all(e));
    case ExpressionKind::kDict: {
      DictBuilder dict(budget_);
      for (std::size_t i = 0; i + 1 < e.children.size(); i += 2) {
        Value key = evaluate(*e.children[i]);
        dict.set(std::move(key), evaluate(*e.children[i + 1]));
      }
      return dict.take();
    }
    case ExpressionKind::kAttribute: {
      const Value value = evaluate(*e.children.front());
      line_ = e.line;
      return attribute(value, e.name);
    }
    case ExpressionKind::kItem:
      return evaluate_item(e);
    case ExpressionKind::kCall: {
      const Value callee = evaluate(*e.children.front());
      Arguments arguments = evaluate_arguments(e, 1);
      line_ = e.line;
      return call(callee, arguments);
    }
    case ExpressionKind::kFilter:
      return evaluate_filter(e, nullptr);
    case ExpressionKind::kTest: {
      const Value value = evaluate(*e.children.front());
      Arguments arguments = evaluate_arguments(e, 1);
      line_ = e.line;
      return call_test(*this, e.name, value, arguments);
    }
    case ExpressionKind::kNot:
      return !truthy(evaluate(*e.children.front()));
    case ExpressionKind::kNegative:
      return negative(evaluate(*e.children.front()));
    case ExpressionKind::kPositive: {
      const Value value = evaluate(*e.children.front());
      return value.is_bool()     ? Value(value.integer())
             : value.is_number() ? value
                                 : arithmetic(*this, "+", Value(std::int64_t{0}), value);
    }
    case ExpressionKind::kAnd: {
      Value left = evaluate(*e.children[0]);
      return truthy(left) ? evaluate(*e.children[1]) : left;
    }
    case ExpressionKind::kOr: {
      Value left = evaluate(*e.children[0]);
      return truthy(left) ? left : evaluate(*e.children[1]);
    }
    case ExpressionKind::kBinary: {
      const Value left = evaluate(*e.children[0]);
      const Value right = evaluate(*e.children[1]);
      line_ = e.line;
      return arithmetic(*this, e.name, left, right);
    }
    case ExpressionKind::kConcat: {
      std::string out;
      for (const auto& child : e.children) {
        const Value part = evaluate(*child);
        out += part.is_string() ? part.string() : to_string(budget_, part);
        budget_.allocate(part.is_string() ? part.string().size() : 0);
      }
      return text(std::move(out));
    }
    case ExpressionKind::kCompare:
      return evaluate_compare(e);
    case ExpressionKind::kConditional:
      if (truthy(evaluate(*e.children[0]))) return evaluate(*e.children[1]);
      if (e.children[2]) return evaluate(*e.children[2]);
      return make_undefined(fmt::format(
          "the inline if-expression on line {} evaluated to false and no else section was defined",
          e.line));
    case ExpressionKind::kSlice:
    case ExpressionKind::kNamespaceAttribute:
      break;
  }
  fail("an expression that has no value");
}

bool Interpreter::holds(std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return equal(budget_, a, b);
  if (op == "!=") return !equal(budget_, a, b);
  if (op == "in") return contains(budget_, b, a);
  if (op == "not in") return !contains(budget_, b, a);
  const int order = compare(budget_, a, b, op);
  if (op == "<") return order == -1;
  if (op == "<=") return order == -1 || order == 0;
  if (op == ">") return order == 1;
  return order == 1 || order == 0;
}

Value Interpreter::evaluate_compare(const Expression& e) {
  Value left = evaluate(*e.children[0]);
  for (std::size_t i = 0; i < e.names.size(); ++i) {
    Value right = evaluate(*e.children[i + 1]);
    line_ = e.line;
    if (!holds(e.names[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate_filter(const Expression& e, const Value* input) {
  const Depth depth(*this);
  const Expression* first = e.children.front().get();
  Value value;
  if (first == nullptr) {
    value = *input;
  } else {
    // Below a filter of a block there are more filters, down to the block's text.
    value =
        first->kind == ExpressionKind::kFilter ? evaluate_filter(*first, input) : evaluate(*first);
  }
  Arguments arguments = evaluate_arguments(e, 1);
  line_ = e.line;
  return call_filter(*this, e.name, value, arguments);
}

Value Interpreter::evaluate_item(const Expression& e) {
  const Value value = evaluate(*e.children[0]);
  const Expression& key = *e.children[1];
  if (key.kind != ExpressionKind::kSlice) {
    const Value at = evaluate(key);
    line_ = e.line;
    return item(value, at);
  }
  // jinja2 folds the slice of a constant as it would fold an item, where what is not there is
  // undefined.
  const bool is_folded = e.children[0]->kind == ExpressionKind::kConstant && !value.is_string();
  if (is_folded) return make_undefined(fmt::format("{} object has no slices", type_name(value)));
  std::vector<Value> bounds;
  for (const auto& bound : key.children) bounds.push_back(bound ? evaluate(*bound) : None{});
  line_ = e.line;
  return slice(*this, value, bounds[0], bounds[1], bounds[2]);
}

Arguments Interpreter::evaluate_arguments(const Expression& e, std::size_t first) {
  Arguments out;
  for (std::size_t i = first; i < e.children.size(); ++i) {
    out.positional.push_back(evaluate(*e.children[i]));
  }
  for (const auto& [name, value] : e.keywords) out.named.emplace_back(name, evaluate(*value));
  if (e.star) {
    for (Value& value : iterate(budget_, evaluate(*e.star))) {
      out.positional.push_back(std::move(value));
    }
  }
  if (e.double_star) {
    const Value dict = evaluate(*e.double_star);
    if (dict.dict() == nullptr) fail("'**' takes a dict");
    for (const auto& [key, value] : dict.dict()->items) {
      if (!key.is_string()) fail("'**' takes a dict with strings as keys");
      if (std::ranges::count(out.named, key.string(), &std::pair<std::string, Value>::first) > 0) {
        fail(fmt::format("the argument '{}' twice", key.string()));
      }
      budget_.step(1 + out.named.size());
      out.named.emplace_back(key.string(), value);
    }
  }
  return out;
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  const Depth depth(*this);
  if (callee.is_undefined()) fail(callee.hint());
  if (const auto* macro = callee.as<MacroObject>()) {
    const Value keeps_alive = callee;
    return call_macro(*macro, arguments);
  }
  if (const auto* function = callee.as<FunctionObject>()) {
    const Value keeps_alive = callee;
    return function->body(*this, arguments);
  }
  if (auto* joiner = callee.as<JoinerObject>()) {
    Bound(joiner->type_name(), arguments, {});
    if (std::exchange(joiner->is_used, true)) return joiner->separator;
    return text("");
  }
  fail(fmt::format("a value of type '{}' is not callable", type_name(callee)));
}

}  // namespace cutaway::chat
