// map, select, reject and their attribute forms.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "chat/attribute_path.h"
#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/text.h"

namespace cutaway::chat {

AttributePath::AttributePath(const Value& attribute, std::optional<Value> otherwise)
    : otherwise_(std::move(otherwise)) {
  if (attribute.is_none()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  for (std::string& part : split(attribute.string(), ".", -1)) {
    const bool is_number =
        !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    std::int64_t index = 0;
    if (is_number &&
        std::from_chars(part.data(), part.data() + part.size(), index).ec == std::errc()) {
      parts_.emplace_back(index);
    } else {
      parts_.emplace_back(Text{std::make_shared<const std::string>(std::move(part)), false});
    }
  }
}

std::vector<AttributePath> AttributePath::several(const Value& attribute) {
  std::vector<AttributePath> out;
  if (!attribute.is_string()) {
    out.emplace_back(attribute);
    return out;
  }
  for (std::string& part : split(attribute.string(), ",", -1)) {
    out.emplace_back(Text{std::make_shared<const std::string>(std::move(part)), false});
  }
  return out;
}

Value AttributePath::get(Interpreter& in, const Value& value) const {
  Value at = value;
  for (const Value& part : parts_) {
    at = in.item(at, part);
    if (at.is_undefined() && otherwise_) at = *otherwise_;
  }
  return at;
}

namespace {

// The first positional argument, which names a filter, a test or an attribute.
std::optional<Value> take_first(Arguments& arguments) {
  if (arguments.positional.empty()) return std::nullopt;
  Value first = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  return first;
}

std::optional<Value> take_named(Arguments& arguments, std::string_view name) {
  const auto at = std::ranges::find(arguments.named, name, &std::pair<std::string, Value>::first);
  if (at == arguments.named.end()) return std::nullopt;
  Value value = at->second;
  arguments.named.erase(at);
  return value;
}

// jinja2 looks first whether there is anything: none and 0 count as empty here.
std::vector<Value> walked(Interpreter& in, const Value& value) {
  return truthy(value) ? iterate(in.budget(), value) : std::vector<Value>();
}

Value map(Interpreter& in, const Value& value, Arguments& arguments) {
  std::vector<Value> out;
  const auto filter = take_first(arguments);
  if (!filter || !filter->is_string()) fail("map: expected the name of a filter or attribute=");
  for (const Value& item : walked(in, value)) {
    Arguments each = arguments;
    in.budget().step(1 + each.positional.size() + each.named.size());
    out.push_back(call_filter(in, filter->string(), item, each));
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

Value map_attribute(Interpreter& in, const Value& value, Arguments& arguments) {
  const Value attribute = take_named(arguments, "attribute").value_or(None{});
  const AttributePath path(attribute, take_named(arguments, "default"));
  if (!arguments.named.empty()) {
    fail(fmt::format("map: no argument named '{}'", arguments.named.front().first));
  }
  std::vector<Value> out;
  for (const Value& item : walked(in, value)) out.push_back(path.get(in, item));
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

Value map_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const bool by_attribute =
      arguments.positional.empty() &&
      std::ranges::count(arguments.named, "attribute", &std::pair<std::string, Value>::first) > 0;
  return by_attribute ? map_attribute(in, value, arguments) : map(in, value, arguments);
}

template <bool kWanted, bool kByAttribute>
Value select(Interpreter& in, const Value& value, Arguments& arguments) {
  std::optional<AttributePath> path;
  if (kByAttribute) {
    const auto attribute = take_first(arguments);
    if (!attribute) fail("selectattr: the name of an attribute is missing");
    path.emplace(*attribute);
  }
  const auto test = take_first(arguments);
  if (test && !test->is_string()) fail("select: the name of a test is no string");
  std::vector<Value> out;
  for (Value& item : walked(in, value)) {
    const Value looked_at = path ? path->get(in, item) : item;
    bool is_kept = false;
    if (test) {
      Arguments each = arguments;
      in.budget().step(1 + each.positional.size() + each.named.size());
      is_kept = call_test(in, test->string(), looked_at, each);
    } else {
      is_kept = truthy(looked_at);
    }
    if (is_kept == kWanted) out.push_back(std::move(item));
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

}  // namespace

std::vector<NamedFilter> select_filters() {
  return {{"map", map_filter},
          {"reject", select<false, false>},
          {"rejectattr", select<false, true>},
          {"select", select<true, false>},
          {"selectattr", select<true, true>}};
}

}  // namespace cutaway::chat
