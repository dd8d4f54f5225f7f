#include "chat/value.h"

#include <algorithm>

#include <fmt/format.h>

#include "chat/objects.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

// What a value takes in a container.
constexpr std::uint64_t kSlot = 32;

bool equal_lists(Budget& budget, const List& a, const List& b) {
  using Flavor = List::Flavor;
  if (a.flavor != b.flavor || a.flavor == Flavor::kIterator || a.flavor == Flavor::kValues) {
    return &a == &b;
  }
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!equal(budget, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.items.size() != b.items.size()) return false;
  for (const auto& [key, value] : a.items) {
    const Value* other = find(budget, b, key);
    if (other == nullptr || !equal(budget, value, *other)) return false;
  }
  return true;
}

// An int and a float compare exactly in Python; doubles lose integers above 2^53.
int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
  }
  const auto x = static_cast<long double>(a.is_float() ? a.real() : 0) +
                 (a.is_float() ? 0 : static_cast<long double>(a.integer()));
  const auto y = static_cast<long double>(b.is_float() ? b.real() : 0) +
                 (b.is_float() ? 0 : static_cast<long double>(b.integer()));
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;  // 2: a NaN
}

}  // namespace

int depth_of(const Value& value) {
  if (value.list() != nullptr) return value.list()->depth;
  if (value.dict() != nullptr) return value.dict()->depth;
  if (value.object() != nullptr) return (*value.object())->depth;
  return 0;
}

int depth_around(int inner) {
  if (inner >= kMaxValueDepth) {
    throw Failure(
        Failure::Kind::kLimit,
        fmt::format("lists or dicts inside each other more than {} deep", kMaxValueDepth));
  }
  return inner + 1;
}

std::string Value::hint() const {
  const auto* u = std::get_if<Undefined>(&data_);
  return u != nullptr && u->hint ? *u->hint : "a value is undefined";
}

Value make_string(Budget& budget, std::string text, bool is_markup) {
  budget.allocate(text.size() + kSlot);
  return Text{std::make_shared<const std::string>(std::move(text)), is_markup};
}

Value make_undefined(std::string hint) {
  return Undefined{std::make_shared<const std::string>(std::move(hint))};
}

Value make_list(Budget& budget, std::vector<Value> items, List::Flavor flavor) {
  budget.allocate(items.size() + 1, kSlot);
  auto list = std::make_shared<List>();
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  list->depth = depth_around(depth);
  list->flavor = flavor;
  list->items = std::move(items);
  return std::shared_ptr<const List>(std::move(list));
}

Value make_group(Budget& budget, Value key, Value list) {
  budget.allocate(3, kSlot);
  auto group = std::make_shared<List>();
  group->flavor = List::Flavor::kTuple;
  group->is_group = true;
  group->depth = depth_around(std::max(depth_of(key), depth_of(list)));
  group->items = {std::move(key), std::move(list)};
  return std::shared_ptr<const List>(std::move(group));
}

void DictBuilder::set(Value key, Value value) {
  dict_->depth = std::max(dict_->depth, depth_around(depth_of(value)));
  if (const Value* old = find(budget_, *dict_, key)) {
    *const_cast<Value*>(old) = std::move(value);  // ours: not shared before take()
    return;
  }
  budget_.allocate(2 * kSlot);
  dict_->items.emplace_back(std::move(key), std::move(value));
}

Value DictBuilder::take() {
  budget_.allocate(kSlot);
  return std::shared_ptr<const Dict>(std::move(dict_));
}

std::string_view type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "NoneType";
  if (value.is_bool()) return "bool";
  if (value.is_int()) return "int";
  if (value.is_float()) return "float";
  if (value.is_string()) return value.is_markup() ? "Markup" : "str";
  if (value.dict() != nullptr) return "dict";
  if (value.object() != nullptr) return (*value.object())->type_name();
  switch (value.list()->flavor) {
    case List::Flavor::kList:
      return "list";
    case List::Flavor::kTuple:
      return "tuple";
    case List::Flavor::kRange:
      return "range";
    case List::Flavor::kKeys:
      return "dict_keys";
    case List::Flavor::kValues:
      return "dict_values";
    case List::Flavor::kItems:
      return "dict_items";
    case List::Flavor::kIterator:
      return "generator";
  }
  return "";
}

bool truthy(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_bool()) return value.boolean();
  if (value.is_int()) return value.integer() != 0;
  if (value.is_float()) return value.real() != 0.0;
  if (value.is_string()) return !value.string().empty();
  if (const Dict* dict = value.dict()) return !dict->items.empty();
  if (const List* list = value.list()) {
    return list->flavor == List::Flavor::kIterator || !list->items.empty();
  }
  if (const auto* loop = value.as<LoopObject>()) return loop->items.size() > 0;
  return true;
}

bool equal(Budget& budget, const Value& a, const Value& b) {
  budget.step();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.is_string() && b.is_string()) {
    if (a.string().size() != b.string().size()) return false;
    budget.scan(a.string().size());
    return a.string() == b.string();
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    return equal_lists(budget, *a.list(), *b.list());
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    return equal_dicts(budget, *a.dict(), *b.dict());
  }
  if (a.object() != nullptr && b.object() != nullptr) return *a.object() == *b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

int compare(Budget& budget, const Value& a, const Value& b, std::string_view op) {
  budget.step();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.is_string() && b.is_string()) {
    budget.scan(std::min(a.string().size(), b.string().size()));
    const int order = a.string().compare(b.string());  // UTF-8 sorts as code points do
    return order < 0 ? -1 : order > 0;
  }
  if (a.is_undefined()) fail(a.hint());
  if (b.is_undefined()) fail(b.hint());
  using Flavor = List::Flavor;
  for (const Flavor flavor : {Flavor::kList, Flavor::kTuple}) {
    if (!a.is_list(flavor) || !b.is_list(flavor)) continue;
    const auto& x = a.list()->items;
    const auto& y = b.list()->items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!equal(budget, x[i], y[i])) return compare(budget, x[i], y[i], op);
    }
    return x.size() < y.size() ? -1 : x.size() > y.size();
  }
  fail(fmt::format("'{}' is not supported between '{}' and '{}'", op, type_name(a), type_name(b)));
}

void require_hashable(const Value& key) {
  if (key.dict() != nullptr || key.is_list(List::Flavor::kList)) {
    fail(fmt::format("a {} cannot be the key of a dict", type_name(key)));
  }
  if (key.is_list(List::Flavor::kTuple)) {
    for (const Value& item : key.list()->items) require_hashable(item);
  }
}

const Value* find(Budget& budget, const Dict& dict, const Value& key) {
  require_hashable(key);
  if (key.is_string()) return find(budget, dict, std::string_view(key.string()));
  for (const auto& [k, v] : dict.items) {
    if (equal(budget, k, key)) return &v;
  }
  return nullptr;
}

const Value* find(Budget& budget, const Dict& dict, std::string_view key) {
  budget.step(1 + dict.items.size() / 4);
  for (const auto& [k, v] : dict.items) {
    if (!k.is_string() || k.string().size() != key.size()) continue;
    budget.scan(key.size());
    if (k.string() == key) return &v;
  }
  return nullptr;
}

std::size_t length(Budget& budget, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) {
    budget.scan(value.string().size());
    return count_characters(value.string());
  }
  if (value.dict() != nullptr) return value.dict()->items.size();
  if (value.list() != nullptr && value.list()->flavor != List::Flavor::kIterator) {
    return value.list()->items.size();
  }
  if (const auto* loop = value.as<LoopObject>()) return loop->items.size();
  fail(fmt::format("a value of type '{}' has no length", type_name(value)));
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.dict() != nullptr ||
         value.list() != nullptr;
}

std::optional<std::vector<Value>> try_iterate(Budget& budget, const Value& value) {
  std::vector<Value> out;
  if (value.is_undefined()) return out;
  if (const List* list = value.list()) {
    if (list->is_spent) return out;
    if (list->flavor == List::Flavor::kIterator) list->is_spent = true;
    budget.allocate(list->items.size() + 1, kSlot);
    return list->items;
  }
  if (const Dict* dict = value.dict()) {
    budget.allocate(dict->items.size() + 1, kSlot);
    for (const auto& [key, unused] : dict->items) out.push_back(key);
    return out;
  }
  if (value.is_string()) {
    std::string_view text = value.string();
    while (!text.empty()) {
      const std::size_t n = character_length(text);
      out.push_back(make_string(budget, std::string(text.substr(0, n))));
      text.remove_prefix(n);
    }
    return out;
  }
  return std::nullopt;
}

std::vector<Value> iterate(Budget& budget, const Value& value) {
  auto items = try_iterate(budget, value);
  if (!items) fail(fmt::format("a value of type '{}' is not iterable", type_name(value)));
  return *std::move(items);
}

bool contains(Budget& budget, const Value& haystack, const Value& needle) {
  if (haystack.is_string()) {
    if (!needle.is_string()) {
      fail(fmt::format("'in' of a string takes a string, found a value of type '{}'",
                       type_name(needle)));
    }
    budget.scan(haystack.string().size() + needle.string().size());
    return find_text(haystack.string(), needle.string()) != std::string::npos;
  }
  if (const Dict* dict = haystack.dict()) return find(budget, *dict, needle) != nullptr;
  for (const Value& item : iterate(budget, haystack)) {
    if (equal(budget, item, needle)) return true;
  }
  return false;
}

}  // namespace cutaway::chat
