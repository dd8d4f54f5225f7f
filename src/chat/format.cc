// "%s" % x and "{}".format(x).
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

constexpr std::int64_t kMaxWidth = 100000;

/// What a conversion says, in both languages.
struct Spec {
  std::string fill = " ";
  char align = 0;  // < > ^ =
  char sign = '-';
  bool alternate = false;
  char grouping = 0;
  std::int64_t width = 0;
  std::optional<std::int64_t> precision;
  char type = 0;
};

std::string pad(Interpreter& in, const Spec& spec, std::string_view prefix, std::string_view body) {
  const auto n = static_cast<std::int64_t>(count_characters(prefix) + count_characters(body));
  const std::int64_t missing = std::max<std::int64_t>(spec.width - n, 0);
  in.budget().allocate(static_cast<std::uint64_t>(missing), spec.fill.size());
  const std::int64_t left = spec.align == '<' ? 0 : spec.align == '^' ? missing / 2 : missing;
  std::string out;
  if (spec.align == '=') out += prefix;
  for (std::int64_t i = 0; i < left; ++i) out += spec.fill;
  if (spec.align != '=') out += prefix;
  out += body;
  for (std::int64_t i = left; i < missing; ++i) out += spec.fill;
  return out;
}

std::string grouped(const std::string& digits, char separator) {
  if (separator == 0) return digits;
  const std::size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  std::string out;
  for (std::size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string sign_of(bool is_negative, const Spec& spec) {
  if (is_negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string integer_text(Interpreter& in, const Spec& spec, std::int64_t value) {
  const bool is_negative = value < 0;
  const std::uint64_t magnitude = is_negative ? std::uint64_t{0} - static_cast<std::uint64_t>(value)
                                              : static_cast<std::uint64_t>(value);
  std::string digits, prefix = sign_of(is_negative, spec);
  switch (spec.type) {
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      if (spec.alternate) prefix += "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      if (spec.alternate) prefix += "0X";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      if (spec.alternate) prefix += "0o";
      break;
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      if (spec.alternate) prefix += "0b";
      break;
    default:
      digits = std::to_string(magnitude);
  }
  return pad(in, spec, prefix, grouped(digits, spec.grouping));
}

std::string real_text(Interpreter& in, const Spec& spec, double value) {
  const bool is_negative = std::signbit(value) && !std::isnan(value);
  const double magnitude = std::fabs(value);
  const int precision = static_cast<int>(spec.precision.value_or(6));
  std::string digits;
  in.budget().allocate(static_cast<std::uint64_t>(precision) + 400);
  if (std::isnan(value) || std::isinf(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
  } else {
    switch (spec.type) {
      case 'e':
        digits = fmt::format("{:.{}e}", magnitude, precision);
        break;
      case 'E':
        digits = fmt::format("{:.{}E}", magnitude, precision);
        break;
      case 'g':
        digits = fmt::format("{:.{}g}", magnitude, std::max(precision, 1));
        break;
      case 'G':
        digits = fmt::format("{:.{}G}", magnitude, std::max(precision, 1));
        break;
      case '%':
        digits = fmt::format("{:.{}f}%", magnitude * 100, precision);
        break;
      default:
        digits = fmt::format("{:.{}f}", magnitude, precision);
    }
  }
  return pad(in, spec, sign_of(is_negative, spec), grouped(digits, spec.grouping));
}

std::string clipped(std::string text, const Spec& spec) {
  if (spec.precision) text.resize(offset_of(text, static_cast<std::size_t>(*spec.precision)));
  return text;
}

std::int64_t read_number(std::string_view text, std::size_t& pos) {
  std::int64_t n = 0;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
    n = n * 10 + (text[pos++] - '0');
    if (n > kMaxWidth) throw Failure(Failure::Kind::kLimit, "format: a width above 100000");
  }
  return n;
}

const Value* mapped(Interpreter& in, const Value& arguments, std::string_view key) {
  if (arguments.dict() == nullptr) fail("format: '%(name)' takes a dict");
  const Value* found = find(in.budget(), *arguments.dict(), key);
  if (found == nullptr) fail(fmt::format("format: no key '{}'", key));
  return found;
}

}  // namespace

std::string format_percent(Interpreter& in, std::string_view format, const Value& arguments) {
  in.budget().allocate(format.size());
  const bool is_tuple = arguments.is_list(List::Flavor::kTuple);
  const std::size_t given = is_tuple ? arguments.list()->items.size() : 1;
  std::size_t used = 0;
  bool names_used = false;
  const auto next = [&]() -> const Value& {
    if (used >= given) fail("format: not enough arguments for the format");
    const std::size_t i = used++;
    return is_tuple ? arguments.list()->items[i] : arguments;
  };
  const auto star = [&]() {
    const Value& n = next();
    if (!n.is_integral() || n.integer() > kMaxWidth) fail("format: '*' takes an integer");
    return n.integer();
  };
  std::string out;
  for (std::size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    ++i;
    const Value* named = nullptr;
    if (i < format.size() && format[i] == '(') {
      const std::size_t end = format.find(')', i);
      if (end == std::string_view::npos) fail("format: '%(' without ')'");
      named = mapped(in, arguments, format.substr(i + 1, end - i - 1));
      names_used = true;
      i = end + 1;
    }
    Spec spec;
    spec.align = '>';
    bool zero = false;
    for (; i < format.size() && std::string_view("#0- +").find(format[i]) != std::string_view::npos;
         ++i) {
      if (format[i] == '#') spec.alternate = true;
      if (format[i] == '0') zero = true;
      if (format[i] == '-') spec.align = '<';
      if (format[i] == '+') spec.sign = '+';
      if (format[i] == ' ' && spec.sign == '-') spec.sign = ' ';
    }
    if (i < format.size() && format[i] == '*') {
      ++i;
      spec.width = star();
      if (spec.width < 0) {
        spec.align = '<';
        spec.width = -spec.width;
      }
    } else {
      spec.width = read_number(format, i);
    }
    if (i < format.size() && format[i] == '.') {
      ++i;
      if (i < format.size() && format[i] == '*') {
        ++i;
        spec.precision = std::max<std::int64_t>(star(), 0);
      } else {
        spec.precision = read_number(format, i);
      }
    }
    while (i < format.size() && (format[i] == 'l' || format[i] == 'h' || format[i] == 'L')) ++i;
    if (i >= format.size()) fail("format: it ends inside a conversion");
    spec.type = format[i++];
    if (spec.type == '%') {
      out += '%';
      continue;
    }
    const Value& value = named != nullptr ? *named : next();
    switch (spec.type) {
      case 's':
        out += pad(in, spec, "", clipped(to_string(in.budget(), value), spec));
        break;
      case 'r':
      case 'a':
        if (spec.type == 'a') fail_unsupported("format: '%a'");
        out += pad(in, spec, "", clipped(repr(in.budget(), value), spec));
        break;
      case 'c':
        fail_unsupported("format: '%c'");
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        if (zero && spec.align == '>') {
          spec.fill = "0";
          spec.align = '=';
        }
        const bool truncates = spec.type == 'd' || spec.type == 'i' || spec.type == 'u';
        if (value.is_float() && truncates && std::fabs(value.real()) < 9e18) {
          out += integer_text(in, spec, static_cast<std::int64_t>(value.real()));
        } else if (value.is_integral()) {
          if (spec.precision) fail_unsupported("format: an integer with a precision");
          out += integer_text(in, spec, value.integer());
        } else {
          fail(fmt::format("format: '%{}' takes a number, found a value of type '{}'", spec.type,
                           type_name(value)));
        }
        break;
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_number()) {
          fail(fmt::format("format: '%{}' takes a number, found a value of type '{}'", spec.type,
                           type_name(value)));
        }
        if (zero && spec.align == '>') {
          spec.fill = "0";
          spec.align = '=';
        }
        out += real_text(in, spec, value.number());
        break;
      default:
        fail(fmt::format("format: no conversion '%{}'", spec.type));
    }
    in.budget().allocate(64);
  }
  const bool may_be_unused =
      names_used || arguments.is_undefined() || arguments.dict() != nullptr ||
      arguments.is_list(List::Flavor::kList) || arguments.is_list(List::Flavor::kRange);
  if (used < given && !may_be_unused) fail("format: not all arguments are used");
  return out;
}

namespace {

Spec braces_spec(std::string_view text) {
  Spec spec;
  std::size_t i = 0;
  const auto is_align = [&](std::size_t at) {
    return at < text.size() && std::string_view("<>^=").find(text[at]) != std::string_view::npos;
  };
  const std::size_t first = text.empty() ? 0 : character_length(text);
  if (!text.empty() && is_align(first)) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    i = first + 1;
  } else if (is_align(0)) {
    spec.align = text[i++];
  }
  if (i < text.size() && (text[i] == '+' || text[i] == '-' || text[i] == ' '))
    spec.sign = text[i++];
  if (i < text.size() && text[i] == '#') {
    spec.alternate = true;
    ++i;
  }
  if (i < text.size() && text[i] == '0' && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = read_number(text, i);
  if (i < text.size() && (text[i] == ',' || text[i] == '_')) spec.grouping = text[i++];
  if (i < text.size() && text[i] == '.') spec.precision = read_number(text, ++i);
  if (i < text.size()) spec.type = text[i++];
  if (i != text.size()) fail(fmt::format("format: cannot read the specification '{}'", text));
  return spec;
}

std::string braces_value(Interpreter& in, const Value& value, std::string_view text) {
  if (text.empty()) return to_string(in.budget(), value);
  Spec spec = braces_spec(text);
  const bool is_real = std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is_number() && (is_real || (value.is_float() && spec.type == 0))) {
    if (spec.align == 0) spec.align = '>';
    if (spec.type == 0) {
      if (spec.precision) fail_unsupported("format: a number with a precision and no type");
      return pad(in, spec, "", float_repr(value.real()));
    }
    if (spec.type == '\0' || !is_real) fail("format: cannot format this number");
    return real_text(in, spec, value.number());
  }
  if (value.is_int() || (value.is_bool() && spec.type != 0)) {
    if (spec.align == 0) spec.align = '>';
    if (spec.precision) fail("format: an integer with a precision");
    if (std::string_view("dxXob").find(spec.type) == std::string_view::npos && spec.type != 0) {
      fail(fmt::format("format: no type '{}' of an integer", spec.type));
    }
    return integer_text(in, spec, value.integer());
  }
  if (!value.is_string() && !value.is_bool()) {
    fail(fmt::format("format: a specification for a value of type '{}'", type_name(value)));
  }
  if ((spec.type != 0 && spec.type != 's') || spec.sign != '-' || spec.align == '=') {
    fail("format: a specification that strings do not have");
  }
  if (spec.align == 0) spec.align = '<';
  return pad(in, spec, "", clipped(to_string(in.budget(), value), spec));
}

}  // namespace

std::string format_braces(Interpreter& in, std::string_view format, Arguments& arguments) {
  in.budget().allocate(format.size());
  std::string out;
  std::size_t automatic = 0;
  for (std::size_t i = 0; i < format.size();) {
    const char c = format[i++];
    if (c != '{' && c != '}') {
      out += c;
      continue;
    }
    if (i < format.size() && format[i] == c) {
      out += c;
      ++i;
      continue;
    }
    const std::size_t end = format.find('}', i);
    if (c == '}' || end == std::string_view::npos) fail("format: a single '{' or '}'");
    const std::string_view field = format.substr(i, end - i);
    i = end + 1;
    if (field.find('{') != std::string_view::npos) fail_unsupported("format: a field in a field");
    const std::size_t colon = std::min(field.find(':'), field.size());
    std::string_view name = field.substr(0, colon);
    const std::string_view spec = colon < field.size() ? field.substr(colon + 1) : "";
    char conversion = 0;
    if (const std::size_t mark = name.find('!'); mark != std::string_view::npos) {
      if (mark + 2 != name.size()) fail("format: a conversion that is not one letter");
      conversion = name[mark + 1];
      name = name.substr(0, mark);
    }
    const std::size_t path = std::min(name.find_first_of(".["), name.size());
    if (path < name.size()) fail_unsupported("format: a field with an attribute or an index");
    const Value* value = nullptr;
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
      std::size_t at = 0;
      const auto index =
          name.empty() ? automatic++ : static_cast<std::size_t>(read_number(name, at));
      if (index >= arguments.positional.size()) fail("format: not enough arguments");
      value = &arguments.positional[index];
    } else {
      for (const auto& [key, item] : arguments.named) {
        if (key == name) value = &item;
      }
      if (value == nullptr) fail(fmt::format("format: no argument '{}'", name));
    }
    if (conversion == 'r') {
      const Value shown = in.text(repr(in.budget(), *value));
      out += braces_value(in, shown, spec);
    } else if (conversion == 's' || conversion == 0) {
      const Value shown = conversion == 0 ? *value : in.text(to_string(in.budget(), *value));
      out += braces_value(in, shown, spec);
    } else {
      fail_unsupported(fmt::format("format: the conversion '!{}'", conversion));
    }
    in.budget().allocate(64);
  }
  return out;
}

}  // namespace cutaway::chat
