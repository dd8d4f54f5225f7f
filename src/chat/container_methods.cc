// The methods of list, tuple, range and dict that do not change them.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"

namespace cutaway::chat {
namespace {

using Method = Value (*)(Interpreter&, const Value&, Arguments&);

Value dict_get(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound a("get", arguments, {"key", "default"});
  if (const Value* found = find(in.budget(), *self.dict(), a.at(0))) return *found;
  return a.value_or(1, None{});
}

template <List::Flavor kFlavor>
Value dict_view(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound a("items", arguments, {});
  std::vector<Value> out;
  for (const auto& [key, value] : self.dict()->items) {
    if (kFlavor == List::Flavor::kKeys) {
      out.push_back(key);
    } else if (kFlavor == List::Flavor::kValues) {
      out.push_back(value);
    } else {
      out.push_back(make_list(in.budget(), {key, value}, List::Flavor::kTuple));
    }
  }
  return make_list(in.budget(), std::move(out), kFlavor);
}

Value copy(Interpreter&, const Value& self, Arguments& arguments) {
  const Bound a("copy", arguments, {});
  return self;  // nothing can change it, so nothing tells the copy from it
}

Value list_count(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound a("count", arguments, {"value"});
  std::int64_t n = 0;
  for (const Value& item : self.list()->items) n += equal(in.budget(), item, a.at(0)) ? 1 : 0;
  return n;
}

Value list_index(Interpreter& in, const Value& self, Arguments& arguments) {
  const Bound a("index", arguments, {"value", "start", "stop"});
  const auto n = static_cast<std::int64_t>(self.list()->items.size());
  const auto bound = [&](std::size_t i, std::int64_t otherwise) {
    const std::int64_t at = a.integer_or(i, otherwise);
    return std::clamp<std::int64_t>(at < 0 ? (at < -n ? 0 : at + n) : at, 0, n);
  };
  for (std::int64_t i = bound(1, 0); i < bound(2, n); ++i) {
    if (equal(in.budget(), self.list()->items[static_cast<std::size_t>(i)], a.at(0))) return i;
  }
  fail("index: the value is not in the list");
}

using Names = std::vector<std::string_view>;

Value bind(const Value& self, const std::string& name, Method method) {
  auto made = std::make_shared<FunctionObject>(
      name, "builtin_function_or_method", [self, method](Interpreter& in, Arguments& arguments) {
        return method(in, self, arguments);
      });
  made->depth = depth_around(depth_of(self));
  return std::shared_ptr<Object>(std::move(made));
}

// What the immutable sandbox refuses: there, as a value that fails when it is used.
std::optional<Value> refused(const Value& self, const std::string& name, const Names& names) {
  if (std::ranges::find(names, name) == names.end()) return std::nullopt;
  return make_undefined(
      fmt::format("access to attribute '{}' of '{}' object is unsafe", name, type_name(self)));
}

}  // namespace

std::optional<Value> container_method(Interpreter& in, const Value& container,
                                      const std::string& name) {
  in.budget().allocate(sizeof(FunctionObject));
  if (container.dict() != nullptr) {
    if (name == "get") return bind(container, name, dict_get);
    if (name == "items") return bind(container, name, dict_view<List::Flavor::kItems>);
    if (name == "keys") return bind(container, name, dict_view<List::Flavor::kKeys>);
    if (name == "values") return bind(container, name, dict_view<List::Flavor::kValues>);
    if (name == "copy") return bind(container, name, copy);
    if (name == "fromkeys") fail_unsupported("the method 'fromkeys' of a dict");
    return refused(container, name, {"clear", "pop", "popitem", "setdefault", "update"});
  }
  const bool is_list = container.is_list(List::Flavor::kList);
  if (is_list || container.is_list(List::Flavor::kTuple) ||
      container.is_list(List::Flavor::kRange)) {
    if (name == "count") return bind(container, name, list_count);
    if (name == "index") return bind(container, name, list_index);
    if (is_list && name == "copy") return bind(container, name, copy);
    if (is_list) {
      return refused(container, name,
                     {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"});
    }
  }
  return std::nullopt;
}

}  // namespace cutaway::chat
