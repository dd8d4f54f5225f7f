// The filters on lists, dicts and what else can be walked.
#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "chat/attribute_path.h"
#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

// How sort, unique, min ... compare: without case, unless asked.
Value folded(Interpreter& in, Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  in.budget().allocate(value.string().size(), 8);
  return in.text(to_lower(value.string()));
}

struct Keyed {
  std::vector<Value> keys;
  Value item;
};

void sort_keyed(Interpreter& in, std::vector<Keyed>& items, bool reverse, bool as_lists = false) {
  std::ranges::stable_sort(items, [&](const Keyed& a, const Keyed& b) {
    for (std::size_t i = 0; i < a.keys.size(); ++i) {
      // Several keys are a list in Python, whose equal elements are not ordered.
      if (as_lists && equal(in.budget(), a.keys[i], b.keys[i])) continue;
      const int order = reverse ? compare(in.budget(), b.keys[i], a.keys[i])
                                : compare(in.budget(), a.keys[i], b.keys[i]);
      return order == -1;
    }
    return false;
  });
}

std::vector<Value> items_of(std::vector<Keyed> keyed) {
  std::vector<Value> out;
  for (Keyed& k : keyed) out.push_back(std::move(k.item));
  return out;
}

Value length_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("length", arguments, {});
  return static_cast<std::int64_t>(length(in.budget(), value));
}

Value list_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("list", arguments, {});
  return make_list(in.budget(), iterate(in.budget(), value));
}

Value first(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("first", arguments, {});
  std::vector<Value> items = iterate(in.budget(), value);
  if (items.empty()) return make_undefined("no first item, the sequence is empty");
  return std::move(items.front());
}

Value last(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("last", arguments, {});
  if (value.is_list(List::Flavor::kIterator)) fail("last: what a filter iterates over has no end");
  std::vector<Value> items = iterate(in.budget(), value);
  if (items.empty()) return make_undefined("no last item, the sequence is empty");
  return std::move(items.back());
}

Value join(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("join", arguments, {"d", "attribute"});
  const std::string separator = a.has(0) ? to_string(in.budget(), a.at(0)) : "";
  std::string out;
  bool is_first = true;
  for (const Value& item : iterate(in.budget(), value)) {
    if (!is_first) out += separator;
    is_first = false;
    const Value part = a.has(1) && !a.at(1).is_none() ? AttributePath(a.at(1)).get(in, item) : item;
    const std::string text = to_string(in.budget(), part);
    in.budget().allocate(separator.size() + text.size());
    out += text;
  }
  return in.text(std::move(out));
}

Value reverse(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("reverse", arguments, {});
  std::vector<Value> items = iterate(in.budget(), value);
  std::ranges::reverse(items);
  if (value.is_string()) {
    std::string out;
    for (const Value& item : items) out += item.string();
    return in.text(std::move(out));
  }
  const bool is_list = value.is_list(List::Flavor::kIterator);
  return make_list(in.budget(), std::move(items),
                   is_list ? List::Flavor::kList : List::Flavor::kIterator);
}

Value sum(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("sum", arguments, {"attribute", "start"});
  Value total = a.value_or(1, std::int64_t{0});
  if (total.is_string()) fail("sum: strings are joined, not summed");
  for (const Value& item : iterate(in.budget(), value)) {
    const bool by_attribute = a.has(0) && !a.at(0).is_none();
    total = arithmetic(in, "+", total, by_attribute ? AttributePath(a.at(0)).get(in, item) : item);
  }
  return total;
}

template <bool kMax>
Value extreme(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("min", arguments, {"case_sensitive", "attribute"});
  const bool case_sensitive = a.truth_or(0, false);
  const AttributePath path(a.value_or(1, None{}));
  std::optional<Value> best, best_key;
  for (const Value& item : iterate(in.budget(), value)) {
    Value key = folded(in, path.get(in, item), case_sensitive);
    if (best && compare(in.budget(), key, *best_key) != (kMax ? 1 : -1)) continue;
    best = item;
    best_key = std::move(key);
  }
  return best ? *best : make_undefined("no aggregated item, the sequence is empty");
}

Value sort(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const bool case_sensitive = a.truth_or(1, false);
  const std::vector<AttributePath> paths = AttributePath::several(a.value_or(2, None{}));
  std::vector<Keyed> items;
  for (Value& item : iterate(in.budget(), value)) {
    Keyed& k = items.emplace_back();
    for (const AttributePath& path : paths) {
      k.keys.push_back(folded(in, path.get(in, item), case_sensitive));
    }
    k.item = std::move(item);
  }
  sort_keyed(in, items, a.truth_or(0, false), true);
  return make_list(in.budget(), items_of(std::move(items)));
}

Value unique(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("unique", arguments, {"case_sensitive", "attribute"});
  const bool case_sensitive = a.truth_or(0, false);
  const AttributePath path(a.value_or(1, None{}));
  std::vector<Value> seen, out;
  for (Value& item : iterate(in.budget(), value)) {
    Value key = folded(in, path.get(in, item), case_sensitive);
    require_hashable(key);
    const bool is_new = std::ranges::none_of(
        seen, [&](const Value& other) { return equal(in.budget(), key, other); });
    if (!is_new) continue;
    seen.push_back(std::move(key));
    out.push_back(std::move(item));
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

const Dict& require_dict(const Value& value, std::string_view filter) {
  if (value.dict() == nullptr) {
    fail(fmt::format("{}: a value of type '{}', expected a dict", filter, type_name(value)));
  }
  return *value.dict();
}

Value dictsort(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = a.text(1).value_or("key");
  if (by != "key" && by != "value") fail("dictsort: 'by' must be key or value");
  if (value.is_undefined()) fail(value.hint());
  std::vector<Keyed> items;
  for (const auto& [key, item] : require_dict(value, "dictsort").items) {
    Keyed& k = items.emplace_back();
    k.keys.push_back(folded(in, by == "key" ? key : item, a.truth_or(0, false)));
    k.item = make_list(in.budget(), {key, item}, List::Flavor::kTuple);
  }
  sort_keyed(in, items, a.truth_or(2, false));
  return make_list(in.budget(), items_of(std::move(items)));
}

Value items_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("items", arguments, {});
  std::vector<Value> out;
  if (!value.is_undefined()) {
    for (const auto& [key, item] : require_dict(value, "items").items) {
      out.push_back(make_list(in.budget(), {key, item}, List::Flavor::kTuple));
    }
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

Value groupby(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("groupby", arguments, {"attribute", "default", "case_sensitive"});
  const std::optional<Value> otherwise =
      a.has(1) && !a.at(1).is_none() ? std::optional<Value>(a.at(1)) : std::nullopt;
  const AttributePath path(a.at(0), otherwise);
  std::vector<Keyed> items;
  for (Value& item : iterate(in.budget(), value)) {
    Keyed& k = items.emplace_back();
    k.keys.push_back(folded(in, path.get(in, item), a.truth_or(2, false)));
    k.item = std::move(item);
  }
  sort_keyed(in, items, false);
  std::vector<Value> out;
  for (std::size_t i = 0; i < items.size();) {
    std::vector<Value> group;
    const std::size_t begin = i;
    for (; i < items.size() && equal(in.budget(), items[i].keys[0], items[begin].keys[0]); ++i) {
      group.push_back(items[i].item);
    }
    if (group.empty()) group.push_back(items[i++].item);  // a key that is not equal to itself
    Value key = path.get(in, group.front());
    out.push_back(
        make_group(in.budget(), std::move(key), make_list(in.budget(), std::move(group))));
  }
  return make_list(in.budget(), std::move(out));
}

Value batch(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("batch", arguments, {"linecount", "fill_with"});
  const std::int64_t size = a.integer_or(0, 0);
  if (size < 1) fail("batch: expected a size of at least 1");
  std::vector<Value> out, row;
  const auto flush = [&] { out.push_back(make_list(in.budget(), std::exchange(row, {}))); };
  for (Value& item : iterate(in.budget(), value)) {
    if (static_cast<std::int64_t>(row.size()) == size) flush();
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    if (a.has(1) && !a.at(1).is_none()) {
      in.budget().allocate(static_cast<std::uint64_t>(size), sizeof(Value));
      row.resize(static_cast<std::size_t>(size), a.at(1));
    }
    flush();
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

// Into so many parts, the first ones longer.
Value slice_filter(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("slice", arguments, {"slices", "fill_with"});
  const std::int64_t count = a.integer_or(0, 0);
  if (count < 1) fail("slice: expected at least 1 slice");
  std::vector<Value> items = iterate(in.budget(), value);
  in.budget().allocate(static_cast<std::uint64_t>(count), 2 * sizeof(Value));
  const auto parts = static_cast<std::size_t>(count);
  const std::size_t each = items.size() / parts;
  const std::size_t longer = items.size() % parts;
  std::vector<Value> out;
  std::size_t at = 0;
  for (std::size_t n = 0; n < parts; ++n) {
    std::vector<Value> part;
    for (std::size_t k = 0; k < each + (n < longer ? 1 : 0); ++k) part.push_back(items[at++]);
    if (n >= longer && a.has(1) && !a.at(1).is_none()) part.push_back(a.at(1));
    out.push_back(make_list(in.budget(), std::move(part)));
  }
  return make_list(in.budget(), std::move(out), List::Flavor::kIterator);
}

}  // namespace

std::vector<NamedFilter> sequence_filters() {
  return {{"batch", batch},      {"count", length_filter}, {"dictsort", dictsort},
          {"first", first},      {"groupby", groupby},     {"items", items_filter},
          {"join", join},        {"last", last},           {"length", length_filter},
          {"list", list_filter}, {"max", extreme<true>},   {"min", extreme<false>},
          {"reverse", reverse},  {"slice", slice_filter},  {"sort", sort},
          {"sum", sum},          {"unique", unique}};
}

}  // namespace cutaway::chat
