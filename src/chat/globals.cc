#include <algorithm>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"

namespace cutaway::chat {
namespace {

constexpr std::uint64_t kMaxRange = 100000;  // jinja2's sandbox has the same

Value make_range(Interpreter& in, Arguments& arguments) {
  const std::size_t n = arguments.positional.size();
  if (!arguments.named.empty() || n == 0 || n > 3) {
    fail("range: expected one to three arguments without names");
  }
  std::int64_t bounds[3] = {0, 0, 1};
  for (std::size_t i = 0; i < n; ++i) {
    const Value& v = arguments.positional[i];
    if (v.is_undefined()) fail(v.hint());
    if (!v.is_integral()) {
      fail(fmt::format("range: an argument of type '{}', expected an integer", type_name(v)));
    }
    bounds[n == 1 ? 1 : i] = v.integer();
  }
  const auto [start, stop, step] = bounds;
  if (step == 0) fail("range: step 0");
  std::vector<Value> items;
  // Unsigned, since the difference of two integers may not fit 64 bits with a sign.
  const auto bits = [](std::int64_t i) { return static_cast<std::uint64_t>(i); };
  const bool is_empty = step > 0 ? start >= stop : start <= stop;
  const std::uint64_t span = step > 0 ? bits(stop) - bits(start) : bits(start) - bits(stop);
  const std::uint64_t stride = step > 0 ? bits(step) : std::uint64_t{0} - bits(step);
  const std::uint64_t count = is_empty ? 0 : (span - 1) / stride + 1;
  if (count > kMaxRange) {
    throw Failure(Failure::Kind::kLimit, fmt::format("range: more than {} numbers", kMaxRange));
  }
  in.budget().allocate(count, sizeof(Value));
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
    items.emplace_back(start + i * step);
  }
  return make_list(in.budget(), std::move(items), List::Flavor::kRange);
}

// The pairs of dict(...) and namespace(...): of a mapping or pairs, then of the named arguments.
Value make_dict(Interpreter& in, Arguments& arguments, std::string_view function) {
  if (arguments.positional.size() > 1) {
    fail(fmt::format("{}: expected at most one argument without a name", function));
  }
  DictBuilder dict(in.budget());
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional.front();
    if (const Dict* other = from.dict()) {
      for (const auto& [key, value] : other->items) dict.set(key, value);
    } else {
      for (const Value& pair : iterate(in.budget(), from)) {
        const std::vector<Value> parts = iterate(in.budget(), pair);
        if (parts.size() != 2) fail(fmt::format("{}: expected pairs", function));
        dict.set(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict.set(in.text(name), value);
  return dict.take();
}

Value make_namespace(Interpreter& in, Arguments& arguments) {
  const Value dict = make_dict(in, arguments, "namespace");
  auto made = std::make_shared<NamespaceObject>();
  for (const auto& [key, value] : dict.dict()->items) {
    if (!key.is_string()) fail("namespace: a name that is no string");
    if (key.string().starts_with('_')) {
      fail(fmt::format("a namespace takes no attribute that starts with '_', found '{}'",
                       key.string()));
    }
    made->names.emplace_back(key.string(), value);
  }
  return in.adopt(std::move(made));
}

Value make_cycler(Interpreter&, Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    fail("cycler: expected at least one item");
  }
  auto made = std::make_shared<CyclerObject>();
  for (const Value& item : arguments.positional)
    made->depth = std::max(made->depth, depth_of(item));
  made->depth = depth_around(made->depth);
  made->items = std::move(arguments.positional);
  return std::shared_ptr<Object>(std::move(made));
}

Value make_joiner(Interpreter& in, Arguments& arguments) {
  const Bound a("joiner", arguments, {"sep"});
  auto made = std::make_shared<JoinerObject>();
  made->separator = a.value_or(0, in.text(", "));
  made->depth = depth_around(depth_of(made->separator));
  return std::shared_ptr<Object>(std::move(made));
}

Value raise_exception(Interpreter& in, Arguments& arguments) {
  const Bound a("raise_exception", arguments, {"message"});
  throw Failure(Failure::Kind::kRaised, to_string(in.budget(), a.at(0)));
}

Value strftime_now(Interpreter& in, Arguments& arguments) {
  const Bound a("strftime_now", arguments, {"format"});
  const auto format = a.text(0);
  if (!format) fail("strftime_now: the argument 'format' is missing");
  in.budget().allocate(format->size(), 32);
  return in.text(format_time(*format, in.now()));
}

}  // namespace

std::vector<std::pair<std::string, Value>> global_functions() {
  std::vector<std::pair<std::string, Value>> out;
  const auto add = [&out](const char* name, FunctionObject::Body body) {
    out.emplace_back(name, std::shared_ptr<Object>(std::make_shared<FunctionObject>(
                               name, "function", std::move(body))));
  };
  add("range", make_range);
  add("dict", [](Interpreter& in, Arguments& a) { return make_dict(in, a, "dict"); });
  add("namespace", make_namespace);
  add("cycler", make_cycler);
  add("joiner", make_joiner);
  add("raise_exception", raise_exception);
  add("strftime_now", strftime_now);
  add("lipsum", [](Interpreter&, Arguments&) -> Value {
    fail_unsupported("the function 'lipsum', which is random");
  });
  return out;
}

}  // namespace cutaway::chat
