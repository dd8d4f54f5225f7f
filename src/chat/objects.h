// Values with identity: what `namespace`, `macro`, `for` ... make.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/ast.h"
#include "chat/value.h"

namespace cutaway::chat {

class Interpreter;

/// Arguments of a call, evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Names that are visible at a place. Scopes are shared, since a macro sees the scope that it was
/// defined in when it is called.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> names;
};

struct NamespaceObject final : Object {
  std::vector<std::pair<std::string, Value>> names;
  std::string_view type_name() const override { return "Namespace"; }
};

struct LoopObject final : Object {
  std::vector<Value> items;
  std::size_t index = 0;
  bool has_changed_value = false;
  std::vector<Value> changed_value;
  std::string_view type_name() const override { return "LoopContext"; }
};

struct MacroObject final : Object {
  std::shared_ptr<const MacroDefinition> definition;
  std::shared_ptr<Scope> scope;
  std::string_view type_name() const override { return "Macro"; }
  bool is_callable() const override { return true; }
};

/// A function of the library: a global (`range`), or a method with its object (`text.strip`).
struct FunctionObject final : Object {
  using Body = std::function<Value(Interpreter&, Arguments&)>;
  FunctionObject(std::string name_, std::string_view type_, Body body_)
      : name(std::move(name_)), type(type_), body(std::move(body_)) {}
  std::string name;
  std::string_view type;
  Body body;
  std::string_view type_name() const override { return type; }
  bool is_callable() const override { return true; }
};

struct CyclerObject final : Object {
  std::vector<Value> items;
  std::size_t position = 0;
  std::string_view type_name() const override { return "Cycler"; }
};

struct JoinerObject final : Object {
  Value separator;
  bool is_used = false;
  std::string_view type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
};

}  // namespace cutaway::chat
