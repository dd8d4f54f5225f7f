// Filters and tests by name.
#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/interpreter_scope.h"
#include "chat/repr.h"
#include "chat/text.h"
#include "io/utf8.h"

namespace cutaway::chat {
namespace {

constexpr std::array<std::string_view, 8> kOtherFilters = {"filesizeformat", "pprint",    "random",
                                                           "striptags",      "urlencode", "urlize",
                                                           "wordwrap",       "xmlattr"};

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> table = [] {
    std::map<std::string_view, Filter> out;
    for (const auto& part :
         {text_filters(), sequence_filters(), select_filters(), value_filters()}) {
      for (const NamedFilter& f : part) out.emplace(f.name, f.call);
    }
    return out;
  }();
  return table;
}

using Test = bool (*)(Interpreter&, const Value&, const Value&);
struct NamedTest {
  std::string_view name;
  int arguments;
  Test holds;
};

template <int kRest>
bool has_parity(Interpreter& in, const Value& v, const Value&) {
  const Value rest = arithmetic(in, "%", v, Value(std::int64_t{2}));
  return equal(in.budget(), rest, Value(std::int64_t{kRest}));
}

template <int kLow, int kHigh>
bool ordered(Interpreter& in, const Value& a, const Value& b) {
  const int order = compare(in.budget(), a, b);
  return order >= kLow && order <= kHigh;
}
bool is_equal(Interpreter& in, const Value& a, const Value& b) { return equal(in.budget(), a, b); }
bool is_unequal(Interpreter& in, const Value& a, const Value& b) {
  return !equal(in.budget(), a, b);
}
bool is_same(Interpreter& in, const Value& a, const Value& b) {
  const bool both_constant = (a.is_none() && b.is_none()) || (a.is_bool() && b.is_bool());
  if (both_constant) return equal(in.budget(), a, b);
  if (a.object() != nullptr && b.object() != nullptr) return *a.object() == *b.object();
  if (type_name(a) != type_name(b)) return false;
  // Whether two equal strings or numbers are one object is Python's own business.
  if (!equal(in.budget(), a, b)) return false;
  if (a.list() != nullptr) return a.list() == b.list();
  if (a.dict() != nullptr) return a.dict() == b.dict();
  fail_unsupported("the test 'sameas' of equal strings or numbers");
}

bool is_sequence(const Value& v) {
  if (v.list() != nullptr) {
    using Flavor = List::Flavor;
    const Flavor f = v.list()->flavor;
    return f == Flavor::kList || f == Flavor::kTuple || f == Flavor::kRange;
  }
  return v.is_undefined() || v.is_string() || v.dict() != nullptr;
}

template <bool (*kWanted)(char32_t)>
bool has_case(Interpreter& in, const Value& v, const Value&) {
  Arguments none;
  const Value text = in.text(to_string(in.budget(), v));
  const char* method = kWanted == is_upper ? "isupper" : "islower";
  return truthy(in.call(*string_method(in, text, method), none));
}

constexpr std::array kTests = {
    NamedTest{"!=", 1, is_unequal},
    NamedTest{"<", 1, ordered<-1, -1>},
    NamedTest{"<=", 1, ordered<-1, 0>},
    NamedTest{"==", 1, is_equal},
    NamedTest{">", 1, ordered<1, 1>},
    NamedTest{">=", 1, ordered<0, 1>},
    NamedTest{"boolean", 0, [](Interpreter&, const Value& v, const Value&) { return v.is_bool(); }},
    NamedTest{"callable", 0,
              [](Interpreter&, const Value& v, const Value&) {
                // An undefined value has a __call__, which fails.
                return v.is_undefined() || (v.object() != nullptr && (*v.object())->is_callable());
              }},
    NamedTest{"defined", 0,
              [](Interpreter&, const Value& v, const Value&) { return !v.is_undefined(); }},
    NamedTest{"divisibleby", 1,
              [](Interpreter& in, const Value& v, const Value& by) {
                return !truthy(arithmetic(in, "%", v, by));
              }},
    NamedTest{"eq", 1, is_equal},
    NamedTest{"equalto", 1, is_equal},
    NamedTest{"escaped", 0,
              [](Interpreter&, const Value& v, const Value&) { return v.is_markup(); }},
    NamedTest{"even", 0, has_parity<0>},
    NamedTest{
        "false", 0,
        [](Interpreter&, const Value& v, const Value&) { return v.is_bool() && !v.boolean(); }},
    NamedTest{"filter", 0,
              [](Interpreter&, const Value& v, const Value&) {
                return v.is_string() && knows_filter(v.string()) != Known::kNo;
              }},
    NamedTest{"float", 0, [](Interpreter&, const Value& v, const Value&) { return v.is_float(); }},
    NamedTest{"ge", 1, ordered<0, 1>},
    NamedTest{"greaterthan", 1, ordered<1, 1>},
    NamedTest{"gt", 1, ordered<1, 1>},
    NamedTest{"in", 1,
              [](Interpreter& in, const Value& v, const Value& of) {
                return contains(in.budget(), of, v);
              }},
    NamedTest{"integer", 0, [](Interpreter&, const Value& v, const Value&) { return v.is_int(); }},
    NamedTest{"iterable", 0,
              [](Interpreter&, const Value& v, const Value&) { return is_iterable(v); }},
    NamedTest{"le", 1, ordered<-1, 0>},
    NamedTest{"lessthan", 1, ordered<-1, -1>},
    NamedTest{"lower", 0, has_case<is_lower>},
    NamedTest{"lt", 1, ordered<-1, -1>},
    NamedTest{"mapping", 0,
              [](Interpreter&, const Value& v, const Value&) { return v.dict() != nullptr; }},
    NamedTest{"ne", 1, is_unequal},
    NamedTest{"none", 0, [](Interpreter&, const Value& v, const Value&) { return v.is_none(); }},
    NamedTest{"number", 0,
              [](Interpreter&, const Value& v, const Value&) { return v.is_number(); }},
    NamedTest{"odd", 0, has_parity<1>},
    NamedTest{"sameas", 1, is_same},
    NamedTest{"sequence", 0,
              [](Interpreter&, const Value& v, const Value&) { return is_sequence(v); }},
    NamedTest{"string", 0,
              [](Interpreter&, const Value& v, const Value&) { return v.is_string(); }},
    NamedTest{"test", 0,
              [](Interpreter&, const Value& v, const Value&) {
                return v.is_string() && knows_test(v.string()) != Known::kNo;
              }},
    NamedTest{
        "true", 0,
        [](Interpreter&, const Value& v, const Value&) { return v.is_bool() && v.boolean(); }},
    NamedTest{"undefined", 0,
              [](Interpreter&, const Value& v, const Value&) { return v.is_undefined(); }},
    NamedTest{"upper", 0, has_case<is_upper>},
};

const NamedTest* find_test(std::string_view name) {
  const auto* at = std::ranges::find(kTests, name, &NamedTest::name);
  return at != kTests.end() ? at : nullptr;
}

}  // namespace

Known knows_filter(std::string_view name) {
  if (filters().contains(name)) return Known::kYes;
  return std::ranges::find(kOtherFilters, name) != kOtherFilters.end() ? Known::kUnsupported
                                                                       : Known::kNo;
}

Known knows_test(std::string_view name) {
  return find_test(name) != nullptr ? Known::kYes : Known::kNo;
}

Value call_filter(Interpreter& in, std::string_view name, const Value& value,
                  Arguments& arguments) {
  const Interpreter::Depth depth(in);  // map('map', ...) goes deeper without an expression
  in.budget().step();
  const auto at = filters().find(name);
  if (at == filters().end()) {
    if (knows_filter(name) == Known::kUnsupported) {
      fail_unsupported(fmt::format("the filter '{}'", name));
    }
    fail(fmt::format("no filter named '{}'", io::printable(name)));
  }
  return at->second(in, value, arguments);
}

bool call_test(Interpreter& in, std::string_view name, const Value& value, Arguments& arguments) {
  in.budget().step();
  const NamedTest* test = find_test(name);
  if (test == nullptr) fail(fmt::format("no test named '{}'", io::printable(name)));
  if (test->arguments == 0) {
    const Bound a(test->name, arguments, {});
    return test->holds(in, value, Value());
  }
  const Bound a(test->name, arguments, {"other"});
  return test->holds(in, value, a.at(0));
}

}  // namespace cutaway::chat
