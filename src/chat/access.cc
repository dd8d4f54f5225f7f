// Attributes and items, by the rules of jinja2's sandbox: `a.b` looks for an attribute first and
// then for the item, `a['b']` the other way round.
#include <algorithm>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/text.h"
#include "io/utf8.h"

namespace cutaway::chat {
namespace {

Value missing(const Value& value, const std::string& name) {
  if (value.is_none()) return make_undefined(fmt::format("'None' has no attribute '{}'", name));
  return make_undefined(
      fmt::format("'{} object' has no attribute '{}'", type_name(value), io::printable(name)));
}

Value element(Interpreter& in, const Value& value, std::int64_t index) {
  const auto missing_element = [&] {
    return make_undefined(fmt::format("{} object has no element {}", type_name(value), index));
  };
  if (value.is_string()) {
    const std::string& text = value.string();
    in.budget().scan(text.size());
    const auto n = static_cast<std::int64_t>(count_characters(text));
    const std::int64_t at = index < 0 ? index + n : index;
    if (at < 0 || at >= n) return missing_element();
    const std::string_view rest =
        std::string_view(text).substr(offset_of(text, static_cast<std::size_t>(at)));
    return in.text(std::string(rest.substr(0, character_length(rest))));
  }
  const auto& items = value.list()->items;
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t at = index < 0 ? index + n : index;
  if (at < 0 || at >= n) return missing_element();
  return items[static_cast<std::size_t>(at)];
}

bool is_indexable(const Value& value) {
  using Flavor = List::Flavor;
  return value.is_string() || value.is_list(Flavor::kList) || value.is_list(Flavor::kTuple) ||
         value.is_list(Flavor::kRange);
}

// A real attribute of the value, in Python's sense; nullopt if it has none of this name.
std::optional<Value> method(Interpreter& in, const Value& value, const std::string& name) {
  if (name.starts_with("__")) {
    return make_undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe",
                                      io::printable(name), type_name(value)));
  }
  if (value.is_string()) return string_method(in, value, name);
  if (const List* list = value.list(); list != nullptr && list->is_group) {
    if (name == "grouper") return list->items[0];
    if (name == "list") return list->items[1];
  }
  if (value.list() != nullptr || value.dict() != nullptr) return container_method(in, value, name);
  return std::nullopt;
}

}  // namespace

Value Interpreter::attribute(const Value& value, const std::string& name) {
  budget_.step();
  if (value.is_undefined()) fail(value.hint());
  if (value.object() != nullptr) return object_attribute(value, name);
  const Dict* dict = value.dict();
  // Keys with underscores are data; only what Python's objects have themselves is unsafe.
  if (!(dict != nullptr && name.starts_with("__") && find(budget_, *dict, name) != nullptr)) {
    if (auto found = method(*this, value, name)) return *std::move(found);
  }
  if (dict != nullptr) {
    if (const Value* found = find(budget_, *dict, std::string_view(name))) return *found;
  }
  return missing(value, name);
}

Value Interpreter::item(const Value& value, const Value& key) {
  budget_.step();
  if (value.is_undefined()) fail(value.hint());
  if (const Dict* dict = value.dict(); dict != nullptr && !key.is_undefined()) {
    const bool is_hashable = key.dict() == nullptr && !key.is_list(List::Flavor::kList);
    if (is_hashable) {
      if (const Value* found = find(budget_, *dict, key)) return *found;
    }
  }
  if (key.is_integral() && is_indexable(value)) return element(*this, value, key.integer());
  if (!key.is_string()) {
    return make_undefined(
        fmt::format("{} object has no element of type '{}'", type_name(value), type_name(key)));
  }
  const std::string& name = key.string();
  if (value.object() != nullptr) return object_attribute(value, name);
  if (auto found = method(*this, value, name)) return *std::move(found);
  return missing(value, name);
}

Value Interpreter::object_attribute(const Value& value, const std::string& name) {
  if (const auto* ns = value.as<NamespaceObject>()) {
    budget_.step(1 + ns->names.size() / 4);
    for (const auto& [key, item] : ns->names) {
      if (key == name) return item;
    }
  } else if (value.as<LoopObject>() != nullptr) {
    return loop_attribute(value, name);
  } else if (const auto* cycler = value.as<CyclerObject>()) {
    if (name == "current") return cycler->items[cycler->position];
    if (name == "next" || name == "reset") {
      const bool moves = name == "next";
      auto bound = std::make_shared<FunctionObject>(
          name, "method", [value, moves](Interpreter&, Arguments& arguments) -> Value {
            Bound("cycler", arguments, {});
            auto* c = value.as<CyclerObject>();
            if (!moves) {
              c->position = 0;
              return None{};
            }
            Value now = c->items[c->position];
            c->position = (c->position + 1) % c->items.size();
            return now;
          });
      bound->depth = depth_around(cycler->depth);
      return std::shared_ptr<Object>(std::move(bound));
    }
  } else if (const auto* macro = value.as<MacroObject>()) {
    if (name == "name") return text(macro->definition->name);
  }
  return missing(value, name);
}

Value Interpreter::loop_attribute(const Value& value, const std::string& name) {
  auto* loop = value.as<LoopObject>();
  const std::size_t n = loop->items.size();
  const std::size_t i = loop->index;
  const auto number = [](std::size_t v) { return Value(static_cast<std::int64_t>(v)); };
  if (name == "index") return number(i + 1);
  if (name == "index0") return number(i);
  if (name == "revindex") return number(n - std::min(i, n));
  if (name == "revindex0")
    return Value(static_cast<std::int64_t>(n) - static_cast<std::int64_t>(i) - 1);
  if (name == "first") return i == 0;
  if (name == "last") return i + 1 == n;
  if (name == "length") return number(n);
  // Only recursive loops, which the parser refuses, are deeper.
  if (name == "depth") return Value(std::int64_t{1});
  if (name == "depth0") return Value(std::int64_t{0});
  if (name == "previtem") {
    if (i > 0) return loop->items[i - 1];
    return make_undefined("there is no previous item");
  }
  if (name == "nextitem") {
    if (i + 1 < n) return loop->items[i + 1];
    return make_undefined("there is no next item");
  }
  FunctionObject::Body body;
  if (name == "cycle") {
    body = [value](Interpreter&, Arguments& arguments) -> Value {
      if (arguments.positional.empty()) fail("loop.cycle: nothing to cycle through");
      return arguments.positional[value.as<LoopObject>()->index % arguments.positional.size()];
    };
  } else if (name == "changed") {
    body = [value](Interpreter& in, Arguments& arguments) -> Value {
      auto* l = value.as<LoopObject>();
      for (const Value& v : arguments.positional) {
        // Kept by the loop, which a list could hold in turn.
        if (v.list() != nullptr || v.dict() != nullptr || v.object() != nullptr) {
          fail_unsupported("loop.changed of a list or a dict");
        }
      }
      bool is_same = l->has_changed_value && l->changed_value.size() == arguments.positional.size();
      for (std::size_t k = 0; is_same && k < l->changed_value.size(); ++k) {
        is_same = equal(in.budget(), l->changed_value[k], arguments.positional[k]);
      }
      l->has_changed_value = true;
      l->changed_value = arguments.positional;
      return !is_same;
    };
  } else {
    return missing(value, name);
  }
  auto bound = std::make_shared<FunctionObject>(name, "method", std::move(body));
  bound->depth = depth_around(loop->depth);
  return std::shared_ptr<Object>(std::move(bound));
}

}  // namespace cutaway::chat
