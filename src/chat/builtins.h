// The library of a template: filters, tests, methods, global functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/objects.h"
#include "chat/value.h"

namespace cutaway::chat {

/// Binds the arguments of a built-in to its parameters, as Python would: positional first, then by
/// name; Failure for too many, unknown or double ones.
class Bound {
 public:
  Bound(std::string_view function, Arguments& arguments, std::vector<std::string_view> parameters);

  bool has(std::size_t i) const { return values_[i].has_value(); }
  /// Failure if missing.
  const Value& at(std::size_t i) const;
  Value value_or(std::size_t i, Value otherwise) const;
  std::int64_t integer_or(std::size_t i, std::int64_t otherwise) const;
  bool truth_or(std::size_t i, bool otherwise) const;
  /// A string argument; None and absence are nullopt.
  std::optional<std::string> text(std::size_t i) const;

 private:
  [[noreturn]] void fail_type(std::size_t i, std::string_view expected) const;
  std::string_view function_;
  std::vector<std::string_view> parameters_;
  std::vector<std::optional<Value>> values_;
};

enum class Known : std::uint8_t { kYes, kUnsupported, kNo };  ///< kUnsupported: jinja2 has it
Known knows_filter(std::string_view name);
Known knows_test(std::string_view name);

Value call_filter(Interpreter& in, std::string_view name, const Value& value, Arguments& arguments);
bool call_test(Interpreter& in, std::string_view name, const Value& value, Arguments& arguments);

using Filter = Value (*)(Interpreter&, const Value&, Arguments&);
struct NamedFilter {
  std::string_view name;
  Filter call;
};
// The filters by what they work on; filters.cc joins the tables.
std::vector<NamedFilter> text_filters();
std::vector<NamedFilter> sequence_filters();
std::vector<NamedFilter> select_filters();
std::vector<NamedFilter> value_filters();

/// The method `name` of a str, list, tuple or dict as a callable; nullopt if there is none.
/// Failure for one that Python has and this engine does not.
std::optional<Value> string_method(Interpreter& in, const Value& text, const std::string& name);
std::optional<Value> container_method(Interpreter& in, const Value& container,
                                      const std::string& name);

/// "%s and %s" % arguments, and "{} and {}".format(...).
std::string format_percent(Interpreter& in, std::string_view format, const Value& arguments);
std::string format_braces(Interpreter& in, std::string_view format, Arguments& arguments);

/// a OP b for + - * / // % **.
Value arithmetic(Interpreter& in, std::string_view op, const Value& a, const Value& b);
Value negative(const Value& a);
/// The elements start:stop:step of a string, list or tuple. Absent bounds are None.
Value slice(Interpreter& in, const Value& value, const Value& start, const Value& stop,
            const Value& step);
/// Python's int(text, base) and float(text).
std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t base);
std::optional<double> parse_float(std::string_view text);

/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
std::vector<std::pair<std::string, Value>> global_functions();
/// strftime in the C locale, of a moment in seconds since 1970, UTC.
std::string format_time(std::string_view format, std::int64_t seconds);

}  // namespace cutaway::chat
