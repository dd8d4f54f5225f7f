// Runs a parsed template.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/ast.h"
#include "chat/budget.h"
#include "chat/objects.h"
#include "chat/value.h"

namespace cutaway::chat {

class Interpreter {
 public:
  Interpreter(Budget budget, std::size_t max_output, std::int64_t now);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  class Depth;  ///< counts calls inside calls (interpreter_scope.h)

  void define(std::string name, Value value);  ///< a variable of the context
  std::string render(const Block& block);

  // For built-ins.
  Budget& budget() { return budget_; }
  int line() const { return line_; }
  std::int64_t now() const { return now_; }  ///< what strftime_now shows: seconds since 1970
  Value text(std::string utf8) { return make_string(budget_, std::move(utf8)); }
  /// `value.name`, and `value[key]`. What is not there is undefined.
  Value attribute(const Value& value, const std::string& name);
  Value item(const Value& value, const Value& key);
  Value call(const Value& callee, Arguments& arguments);
  /// Keeps a namespace until the end, when it is emptied: it may hold itself.
  Value adopt(std::shared_ptr<NamespaceObject> made);

 private:
  enum class Flow : std::uint8_t { kNext, kBreak, kContinue };
  class Inside;

  Flow run(const Block& block);
  Flow run(const Statement& s);
  Flow run_if(const Statement& s);
  void run_for(const Statement& s);
  void run_set_block(const Statement& s);
  void run_with(const Statement& s);
  void run_call_block(const Statement& s);
  /// The output of a block in a scope of its own.
  std::string capture(const Block& block);
  void write(std::string_view text);

  Value evaluate(const Expression& e);
  Value evaluate_compare(const Expression& e);
  Value evaluate_filter(const Expression& e, const Value* input);
  Value evaluate_item(const Expression& e);
  Arguments evaluate_arguments(const Expression& e, std::size_t first);
  std::vector<Value> evaluate_all(const Expression& e);
  bool holds(std::string_view op, const Value& a, const Value& b);

  Value call_macro(const MacroObject& macro, Arguments& arguments);
  Value make_macro(std::shared_ptr<const MacroDefinition> definition);
  void assign(const Expression& target, const Value& value);
  void assign(Scope& scope, const std::string& name, Value value);
  Value look_up(const std::string& name);
  Value loop_attribute(const Value& loop, const std::string& name);
  Value object_attribute(const Value& value, const std::string& name);

  Budget budget_;
  std::size_t max_output_;
  std::int64_t now_;
  std::shared_ptr<Scope> scope_;
  std::string* out_ = nullptr;
  int line_ = 1;
  int depth_ = 0;
  // What can hold itself, and so would never be freed.
  std::vector<std::shared_ptr<Scope>> macro_scopes_;
  std::vector<std::shared_ptr<NamespaceObject>> namespaces_;
};

}  // namespace cutaway::chat
