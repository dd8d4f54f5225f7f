// The filters on single values: defaults, numbers, attributes.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

bool is_other_digit(std::string_view text) {
  return static_cast<unsigned char>(text.front()) >= 0xC0 && is_decimal(code_point(text));
}

// Behind white space and a sign, without underscores between digits; nullopt if those are
// misplaced.
std::optional<std::string> plain_number(std::string_view text, bool& is_negative) {
  text = strip_left(strip_right(text, {}), {});
  is_negative = text.starts_with('-');
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_other_digit(text.substr(i))) fail_unsupported("a number in digits that are not 0 to 9");
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || text[i - 1] == '_') {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t base) {
  bool is_negative = false;
  auto digits = plain_number(text, is_negative);
  if (!digits || base < 2 || base > 36) return std::nullopt;
  const char prefix = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : '\0';
  if (prefix != '\0' && digits->size() > 2 && (*digits)[0] == '0' &&
      ((*digits)[1] | 0x20) == prefix) {
    digits->erase(0, 2);
  }
  if (digits->empty() || !std::isalnum(static_cast<unsigned char>(digits->front()))) {
    return std::nullopt;
  }
  if (is_negative) digits->insert(0, "-");
  std::int64_t out = 0;
  const char* end = digits->data() + digits->size();
  const auto read = std::from_chars(digits->data(), end, out, static_cast<int>(base));
  if (read.ec == std::errc::result_out_of_range) {
    fail_unsupported("an integer that needs more than 64 bits");
  }
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return out;
}

std::optional<double> parse_float(std::string_view text) {
  bool is_negative = false;
  auto digits = plain_number(text, is_negative);
  if (!digits || digits->empty()) return std::nullopt;
  const std::string lower = to_lower(*digits);
  double out = 0;
  if (lower == "inf" || lower == "infinity") {
    out = HUGE_VAL;
  } else if (lower == "nan") {
    out = std::nan("");
  } else {
    const char first = digits->front();
    if (first != '.' && (first < '0' || first > '9')) return std::nullopt;
    const char* end = digits->data() + digits->size();
    const auto read = std::from_chars(digits->data(), end, out);
    if (read.ptr != end) return std::nullopt;
    if (read.ec == std::errc::result_out_of_range) {
      out = lower.find("e-") != std::string::npos ? 0 : HUGE_VAL;
    } else if (read.ec != std::errc()) {
      return std::nullopt;
    }
  }
  return is_negative ? -out : out;
}

namespace {

std::optional<std::int64_t> truncated(double d) {
  if (std::isnan(d) || std::isinf(d)) return std::nullopt;
  if (std::fabs(d) >= 9.2e18) fail_unsupported("an integer that needs more than 64 bits");
  return static_cast<std::int64_t>(d);
}

Value to_int(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("int", arguments, {"default", "base"});
  const Value otherwise = a.value_or(0, std::int64_t{0});
  if (value.is_undefined()) fail(value.hint());
  if (value.is_integral()) return value.integer();
  std::optional<std::int64_t> out;
  if (value.is_float()) {
    out = truncated(value.real());
  } else if (value.is_string()) {
    in.budget().scan(value.string().size());
    out = parse_integer(value.string(), a.integer_or(1, 10));
    if (!out) {
      if (const auto d = parse_float(value.string())) out = truncated(*d);
    }
  }
  return out ? Value(*out) : otherwise;
}

Value to_float(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("float", arguments, {"default"});
  if (value.is_undefined()) fail(value.hint());
  if (value.is_number()) return value.number();
  if (value.is_string()) {
    in.budget().scan(value.string().size());
    if (const auto d = parse_float(value.string())) return *d;
  }
  return a.value_or(0, 0.0);
}

Value absolute(Interpreter&, const Value& value, Arguments& arguments) {
  const Bound a("abs", arguments, {});
  if (value.is_undefined()) fail(value.hint());
  if (value.is_float()) return std::fabs(value.real());
  if (!value.is_integral()) fail(fmt::format("abs: a value of type '{}'", type_name(value)));
  return value.integer() < 0 ? negative(value) : Value(value.integer());
}

Value round(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("round", arguments, {"precision", "method"});
  const std::int64_t precision = a.integer_or(0, 0);
  const std::string method = a.text(1).value_or("common");
  if (method != "common" && method != "ceil" && method != "floor") {
    fail("round: the method must be common, ceil or floor");
  }
  if (value.is_undefined()) fail(value.hint());
  if (!value.is_number()) fail(fmt::format("round: a value of type '{}'", type_name(value)));
  if (method == "common") {
    if (value.is_integral()) {
      if (precision < 0) fail_unsupported("round: an integer to tens");
      return value.integer();
    }
    if (precision < 0 || precision > 300) fail_unsupported("round: a precision beyond 0 to 300");
    if (std::isnan(value.real()) || std::isinf(value.real())) return value.real();
    // Through decimal digits, which are rounded exactly: what Python's round does.
    return parse_float(fmt::format("{:.{}f}", value.real(), precision)).value_or(value.real());
  }
  const Value scale = arithmetic(in, "**", Value(std::int64_t{10}), Value(precision));
  const Value scaled = arithmetic(in, "*", value, scale);
  const double whole = method == "ceil" ? std::ceil(scaled.number()) : std::floor(scaled.number());
  return whole / scale.number();
}

Value default_value(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("default", arguments, {"default_value", "boolean"});
  const bool is_missing = value.is_undefined() || (a.truth_or(1, false) && !truthy(value));
  return is_missing ? a.value_or(0, in.text("")) : value;
}

// Only what the value has itself: not its items.
Value attr(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("attr", arguments, {"name"});
  const std::string name = a.text(0).value_or("");
  if (value.is_undefined()) fail(value.hint());
  if (value.dict() != nullptr) {
    return container_method(in, value, name)
        .value_or(make_undefined(fmt::format("'dict object' has no attribute '{}'", name)));
  }
  return in.attribute(value, name);
}

}  // namespace

std::vector<NamedFilter> value_filters() {
  return {{"abs", absolute},   {"attr", attr},  {"d", default_value}, {"default", default_value},
          {"float", to_float}, {"int", to_int}, {"round", round}};
}

}  // namespace cutaway::chat
