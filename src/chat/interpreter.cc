// The statements.
#include "chat/interpreter.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter_scope.h"
#include "chat/repr.h"

namespace cutaway::chat {

Interpreter::Interpreter(Budget budget, std::size_t max_output, std::int64_t now)
    : budget_(budget), max_output_(max_output), now_(now), scope_(std::make_shared<Scope>()) {
  for (auto& [name, value] : global_functions()) define(std::move(name), std::move(value));
}

Interpreter::~Interpreter() {
  // One by one, so that a long chain of them is not taken apart by recursion.
  for (const auto& scope : macro_scopes_) {
    const auto names = std::move(scope->names);
    scope->names.clear();
  }
  for (const auto& made : namespaces_) {
    const auto names = std::move(made->names);
    made->names.clear();
  }
}

void Interpreter::define(std::string name, Value value) { assign(*scope_, name, std::move(value)); }

std::string Interpreter::render(const Block& block) {
  std::string out;
  out_ = &out;
  const Inside scope(*this, scope_);
  run(block);
  return out;
}

void Interpreter::write(std::string_view text) {
  budget_.scan(text.size());
  if (text.size() > max_output_ - std::min(max_output_, out_->size())) {
    throw Failure(Failure::Kind::kLimit,
                  fmt::format("more than {} bytes of output (max_output)", max_output_));
  }
  *out_ += text;
}

Interpreter::Flow Interpreter::run(const Block& block) {
  const Depth depth(*this);
  for (const Statement& s : block) {
    const Flow flow = run(s);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run(const Statement& s) {
  budget_.step();
  line_ = s.line;
  switch (s.kind) {
    case StatementKind::kText:
      write(s.text);
      break;
    case StatementKind::kPrint:
      for (const auto& e : s.values) {
        const Value value = evaluate(*e);
        write(value.is_string() ? value.string() : to_string(budget_, value));
      }
      break;
    case StatementKind::kIf:
      return run_if(s);
    case StatementKind::kFor:
      run_for(s);
      break;
    case StatementKind::kSet:
      assign(*s.target, evaluate(*s.value));
      break;
    case StatementKind::kSetBlock:
      run_set_block(s);
      break;
    case StatementKind::kWith:
      run_with(s);
      break;
    case StatementKind::kMacro:
      assign(*scope_, s.function->name, make_macro(s.function));
      break;
    case StatementKind::kCallBlock:
      run_call_block(s);
      break;
    case StatementKind::kFilterBlock: {
      const Value body = text(capture(s.body));
      const Value filtered = evaluate_filter(*s.value, &body);
      if (!filtered.is_string()) {
        fail(fmt::format("a filter block gives a value of type '{}', expected a string",
                         type_name(filtered)));
      }
      write(filtered.string());
      break;
    }
    case StatementKind::kGeneration:
      write(capture(s.body));
      break;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run_if(const Statement& first) {
  const Statement* s = &first;
  for (;;) {
    if (truthy(evaluate(*s->condition))) return run(s->body);
    // A chain of elifs is a loop here, not a recursion.
    if (s->else_body.size() != 1 || s->else_body.front().kind != StatementKind::kIf) {
      return run(s->else_body);
    }
    s = &s->else_body.front();
    budget_.step();
    line_ = s->line;
  }
}

void Interpreter::run_for(const Statement& s) {
  const Depth depth(*this);
  std::vector<Value> items = iterate(budget_, evaluate(*s.value));
  if (s.condition) {
    std::vector<Value> kept;
    for (Value& item : items) {
      const Inside scope(*this, scope_);
      assign(*s.target, item);
      if (truthy(evaluate(*s.condition))) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  bool is_complete = false;
  auto loop = std::make_shared<LoopObject>();
  for (const Value& item : items) loop->depth = std::max(loop->depth, depth_of(item));
  loop->depth = depth_around(loop->depth);
  loop->items = std::move(items);
  for (loop->index = 0; loop->index < loop->items.size(); ++loop->index) {
    budget_.allocate(sizeof(Scope));
    const Inside scope(*this, scope_);
    // Both at once: a target named `loop` hides the loop, as in jinja2.
    assign(*scope_, "loop", std::shared_ptr<Object>(loop));
    assign(*s.target, loop->items[loop->index]);
    const Flow flow = run(s.body);
    if (flow == Flow::kBreak) break;
    is_complete |= flow == Flow::kNext;
  }
  // jinja2 takes the else branch if no iteration came to its end, be it for want of items.
  if (is_complete) return;
  const Inside scope(*this, scope_);
  run(s.else_body);
}

void Interpreter::run_set_block(const Statement& s) {
  Value value = text(capture(s.body));
  if (s.value) value = evaluate_filter(*s.value, &value);
  assign(*s.target, value);
}

void Interpreter::run_with(const Statement& s) {
  std::vector<Value> values;
  for (const auto& e : s.values) values.push_back(evaluate(*e));
  const Inside scope(*this, scope_);
  for (std::size_t i = 0; i < values.size(); ++i) assign(*s.targets[i], values[i]);
  run(s.body);
}

void Interpreter::run_call_block(const Statement& s) {
  const Expression& e = *s.value;
  const Value callee = evaluate(*e.children.front());
  Arguments arguments = evaluate_arguments(e, 1);
  arguments.named.emplace_back("caller", make_macro(s.function));
  line_ = s.line;
  write(to_string(budget_, call(callee, arguments)));
}

std::string Interpreter::capture(const Block& block) {
  std::string out;
  std::string* const outer = std::exchange(out_, &out);
  {
    const Inside scope(*this, scope_);
    run(block);
  }
  out_ = outer;
  budget_.allocate(out.size());
  return out;
}

Value Interpreter::make_macro(std::shared_ptr<const MacroDefinition> definition) {
  budget_.allocate(sizeof(MacroObject) + sizeof(Scope));
  if (macro_scopes_.empty() || macro_scopes_.back() != scope_) macro_scopes_.push_back(scope_);
  auto macro = std::make_shared<MacroObject>();
  macro->definition = std::move(definition);
  macro->scope = scope_;
  return std::shared_ptr<Object>(std::move(macro));
}

Value Interpreter::adopt(std::shared_ptr<NamespaceObject> made) {
  budget_.allocate(sizeof(NamespaceObject) + 64 * made->names.size());
  namespaces_.push_back(made);
  return std::shared_ptr<Object>(std::move(made));
}

Value Interpreter::call_macro(const MacroObject& macro, Arguments& arguments) {
  const Depth depth(*this);
  const MacroDefinition& f = *macro.definition;
  const std::size_t n = f.parameters.size();
  if (arguments.positional.size() > n && !f.uses_varargs) {
    fail(fmt::format("macro '{}' takes not more than {} arguments, found {}", f.name, n,
                     arguments.positional.size()));
  }
  const auto take = [&](const std::string& name) -> std::optional<Value> {
    for (auto it = arguments.named.begin(); it != arguments.named.end(); ++it) {
      if (it->first != name) continue;
      std::optional<Value> value(it->second);
      arguments.named.erase(it);
      return value;
    }
    return std::nullopt;
  };
  const Inside scope(*this, macro.scope);
  std::optional<Value> caller;
  bool has_caller_parameter = false;
  const std::size_t first_default = n - f.defaults.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::string& name = f.parameters[i];
    has_caller_parameter |= name == "caller";
    if (i < arguments.positional.size()) {
      assign(*scope_, name, arguments.positional[i]);
    } else if (auto given = take(name)) {
      assign(*scope_, name, *std::move(given));
    } else if (i >= first_default) {
      assign(*scope_, name, evaluate(*f.defaults[i - first_default]));
    } else {
      assign(*scope_, name, make_undefined(fmt::format("parameter '{}' was not provided", name)));
    }
  }
  if (f.uses_caller && !has_caller_parameter) {
    caller = take("caller");
    assign(*scope_, "caller", caller ? *caller : make_undefined("no caller defined"));
  }
  if (f.uses_kwargs) {
    DictBuilder dict(budget_);
    for (auto& [name, value] : arguments.named) dict.set(text(name), value);
    assign(*scope_, "kwargs", dict.take());
  } else if (!arguments.named.empty()) {
    fail(fmt::format("macro '{}' takes no argument named '{}'", f.name,
                     arguments.named.front().first));
  }
  if (f.uses_varargs) {
    std::vector<Value> rest;
    for (std::size_t i = n; i < arguments.positional.size(); ++i) {
      rest.push_back(arguments.positional[i]);
    }
    assign(*scope_, "varargs", make_list(budget_, std::move(rest), List::Flavor::kTuple));
  }
  return text(capture(f.body));
}

void Interpreter::assign(Scope& scope, const std::string& name, Value value) {
  budget_.step(1 + scope.names.size() / 4);
  for (auto& [key, old] : scope.names) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  budget_.allocate(64 + name.size());
  scope.names.emplace_back(name, std::move(value));
}

void Interpreter::assign(const Expression& target, const Value& value) {
  if (target.kind == ExpressionKind::kName) return assign(*scope_, target.name, value);
  if (target.kind == ExpressionKind::kNamespaceAttribute) {
    const auto* ns = look_up(target.names.front()).as<NamespaceObject>();
    if (ns == nullptr) {
      fail(fmt::format("cannot assign attribute '{}' of '{}', which is no namespace", target.name,
                       target.names.front()));
    }
    if (target.name.starts_with('_')) {
      fail(fmt::format("a namespace takes no attribute that starts with '_', found '{}'",
                       target.name));
    }
    auto& names = const_cast<NamespaceObject*>(ns)->names;
    budget_.step(1 + names.size() / 4);
    const auto at = std::ranges::find(names, target.name, &std::pair<std::string, Value>::first);
    if (at != names.end()) {
      at->second = value;
    } else {
      budget_.allocate(64 + target.name.size());
      names.emplace_back(target.name, value);
    }
    return;
  }
  const std::vector<Value> parts = iterate(budget_, value);
  if (parts.size() != target.children.size()) {
    fail(fmt::format("{} values to unpack, expected {}", parts.size(), target.children.size()));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) assign(*target.children[i], parts[i]);
}

}  // namespace cutaway::chat
