// + - * / // % **, and slices, as Python does them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

[[noreturn]] void fail_operands(std::string_view op, const Value& a, const Value& b) {
  fail(fmt::format("'{}' is not supported between '{}' and '{}'", op, type_name(a), type_name(b)));
}
[[noreturn]] void fail_overflow() { fail_unsupported("an integer that needs more than 64 bits"); }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  if (b == -1) {
    std::int64_t out = 0;
    if (__builtin_sub_overflow(std::int64_t{0}, a, &out)) fail_overflow();
    return out;
  }
  const std::int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

double float_mod(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0 && (r < 0) != (b < 0)) r += b;
  if (r == 0) r = std::copysign(0.0, b);
  return r;
}

double float_floor_div(double a, double b) {
  const double r = float_mod(a, b);
  const double q = (a - r) / b;
  const double f = std::floor(q);
  return q == 0 ? std::copysign(0.0, a / b) : q - f > 0.5 ? f + 1 : f;
}

Value int_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0 to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  std::int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) fail_overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) fail_overflow();
  }
  return out;
}

Value integers(std::string_view op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &out)) fail_overflow();
    return out;
  }
  if (op == "-") {
    if (__builtin_sub_overflow(a, b, &out)) fail_overflow();
    return out;
  }
  if (op == "*") {
    if (__builtin_mul_overflow(a, b, &out)) fail_overflow();
    return out;
  }
  if (op == "**") return int_power(a, b);
  if (b == 0) fail("division by zero");
  if (op == "//") return floor_div(a, b);
  if (op == "%") return b == -1 ? std::int64_t{0} : a - floor_div(a, b) * b;
  return static_cast<double>(a) / static_cast<double>(b);
}

Value floats(std::string_view op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") {
    if (a == 0 && b < 0) fail("0.0 to a negative power");
    const double out = std::pow(a, b);
    if (std::isnan(out) && !std::isnan(a) && !std::isnan(b)) {
      fail_unsupported("a power that is a complex number");
    }
    if (std::isinf(out) && !std::isinf(a) && !std::isinf(b)) fail("a power that is too large");
    return out;
  }
  if (b == 0) fail("division by zero");
  if (op == "/") return a / b;
  return op == "//" ? float_floor_div(a, b) : float_mod(a, b);
}

Value repeat(Interpreter& in, const Value& value, std::int64_t count) {
  const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  if (value.is_string()) {
    in.budget().allocate(n, value.string().size());
    std::string out;
    out.reserve(n * value.string().size());
    if (!value.string().empty()) {
      for (std::uint64_t i = 0; i < n; ++i) out += value.string();
    }
    return make_string(in.budget(), std::move(out), value.is_markup());
  }
  const List& list = *value.list();
  in.budget().allocate(n, list.items.size() * sizeof(Value));
  std::vector<Value> out;
  if (!list.items.empty()) {
    for (std::uint64_t i = 0; i < n; ++i) {
      out.insert(out.end(), list.items.begin(), list.items.end());
    }
  }
  return make_list(in.budget(), std::move(out), list.flavor);
}

bool repeats(const Value& value) {
  return value.is_string() || value.is_list(List::Flavor::kList) ||
         value.is_list(List::Flavor::kTuple);
}

Value add_sequences(Interpreter& in, const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) {
    const bool is_markup = a.is_markup() || b.is_markup();
    const auto part = [&](const Value& v) {
      return is_markup && !v.is_markup() ? escape_html(v.string()) : v.string();
    };
    in.budget().allocate(a.string().size() + b.string().size());
    return make_string(in.budget(), part(a) + part(b), is_markup);
  }
  for (const auto flavor : {List::Flavor::kList, List::Flavor::kTuple}) {
    if (!a.is_list(flavor) || !b.is_list(flavor)) continue;
    in.budget().allocate(a.list()->items.size() + b.list()->items.size(), sizeof(Value));
    std::vector<Value> out = a.list()->items;
    out.insert(out.end(), b.list()->items.begin(), b.list()->items.end());
    return make_list(in.budget(), std::move(out), flavor);
  }
  fail_operands("+", a, b);
}

}  // namespace

Value arithmetic(Interpreter& in, std::string_view op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integers(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return floats(op, a.number(), b.number());
  if (a.is_undefined()) fail(a.hint());
  if (op == "%" && a.is_string()) return in.text(format_percent(in, a.string(), b));
  if (b.is_undefined()) fail(b.hint());
  if (op == "+") return add_sequences(in, a, b);
  if (op == "*" && repeats(a) && b.is_integral()) return repeat(in, a, b.integer());
  if (op == "*" && repeats(b) && a.is_integral()) return repeat(in, b, a.integer());
  fail_operands(op, a, b);
}

Value negative(const Value& a) {
  if (a.is_integral()) return integers("-", 0, a.integer());
  if (a.is_float()) return -a.real();
  if (a.is_undefined()) fail(a.hint());
  fail(fmt::format("'-' is not supported of '{}'", type_name(a)));
}

Value slice(Interpreter& in, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  if (value.is_undefined()) fail(value.hint());
  using Flavor = List::Flavor;
  const List* list = value.list();
  const bool is_sliceable = value.is_string() || value.is_list(Flavor::kList) ||
                            value.is_list(Flavor::kTuple) || value.is_list(Flavor::kRange);
  if (!is_sliceable) fail(fmt::format("a value of type '{}' has no slices", type_name(value)));
  for (const Value* bound : {&start, &stop, &step}) {
    if (!bound->is_none() && !bound->is_integral()) {
      fail(fmt::format("a slice with a bound of type '{}', expected an integer or none",
                       type_name(*bound)));
    }
  }
  const auto n = static_cast<std::int64_t>(length(in.budget(), value));
  const std::int64_t by = step.is_none() ? 1 : step.integer();
  if (by == 0) fail("a slice with step 0");
  const auto clamp = [&](const Value& bound, std::int64_t otherwise) {
    if (bound.is_none()) return otherwise;
    std::int64_t at = bound.integer();
    if (at < 0) at = at < -n ? -1 : at + n;
    if (at < 0) return by < 0 ? std::int64_t{-1} : std::int64_t{0};
    return std::min(at, by < 0 ? n - 1 : n);
  };
  const std::int64_t first = clamp(start, by < 0 ? n - 1 : 0);
  const std::int64_t last = clamp(stop, by < 0 ? -1 : n);
  const std::int64_t span = by > 0 ? last - first : first - last;
  const std::uint64_t stride =
      by > 0 ? static_cast<std::uint64_t>(by) : std::uint64_t{0} - static_cast<std::uint64_t>(by);
  const std::uint64_t count = span <= 0 ? 0 : (static_cast<std::uint64_t>(span) - 1) / stride + 1;
  if (value.is_string()) {
    const std::string_view text = value.string();
    in.budget().scan(text.size());
    if (by == 1) {
      const std::size_t begin = offset_of(text, static_cast<std::size_t>(first));
      const std::size_t length = offset_of(text.substr(begin), count);
      return in.text(std::string(text.substr(begin, length)));
    }
    const std::vector<Value> characters = iterate(in.budget(), value);
    std::string out;
    for (std::uint64_t k = 0; k < count; ++k) {
      out +=
          characters[static_cast<std::size_t>(first + static_cast<std::int64_t>(k) * by)].string();
    }
    return in.text(std::move(out));
  }
  in.budget().allocate(count, sizeof(Value));
  std::vector<Value> out;
  for (std::uint64_t k = 0; k < count; ++k) {
    out.push_back(list->items[static_cast<std::size_t>(first + static_cast<std::int64_t>(k) * by)]);
  }
  return make_list(in.budget(), std::move(out), list->flavor);
}

}  // namespace cutaway::chat
