// The methods of str.
#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

using Method = Value (*)(Interpreter&, const std::string&, Arguments&);

std::int64_t character_index(std::string_view text, std::size_t byte) {
  return static_cast<std::int64_t>(count_characters(text.substr(0, byte)));
}

Value list_of(Interpreter& in, std::vector<std::string> parts,
              List::Flavor flavor = List::Flavor::kList) {
  std::vector<Value> items;
  for (std::string& part : parts) items.push_back(in.text(std::move(part)));
  return make_list(in.budget(), std::move(items), flavor);
}

// Stripping looks each character up in `chars`.
void charge_strip(Interpreter& in, std::string_view text, const std::optional<std::string>& chars) {
  const std::size_t n = chars ? chars->size() : 0;
  in.budget().step(1 + (text.size() / 16 + 1) * (n / 16 + 1));
}

template <bool kLeft, bool kRight>
Value strip(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("strip", arguments, {"chars"});
  const auto chars = a.text(0);
  charge_strip(in, s, chars);
  std::string_view out = s;
  if (kLeft) out = strip_left(out, chars);
  if (kRight) out = strip_right(out, chars);
  return in.text(std::string(out));
}

// No more pieces than this come out of a split.
std::uint64_t most_pieces(std::string_view s, const std::optional<std::string>& separator,
                          std::int64_t most) {
  std::uint64_t n = 1;
  if (separator) {
    n += s.size() / separator->size();
  } else {
    n += static_cast<std::uint64_t>(std::ranges::count_if(s, [](char c) {
      const auto b = static_cast<unsigned char>(c);
      return b <= 0x20 || b == 0xC2 || b == 0xE1 || b == 0xE2 || b == 0xE3;
    }));
  }
  return most < 0 ? n : std::min(n, static_cast<std::uint64_t>(most) + 1);
}

template <bool kFromRight>
Value split_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("split", arguments, {"sep", "maxsplit"});
  const auto separator = a.text(0);
  if (separator && separator->empty()) fail("split: an empty separator");
  const std::int64_t most = a.integer_or(1, -1);
  in.budget().allocate(most_pieces(s, separator, most), sizeof(std::string));
  in.budget().allocate(s.size());
  return list_of(in, kFromRight ? split_from_right(s, separator, most) : split(s, separator, most));
}

Value splitlines(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("splitlines", arguments, {"keepends"});
  in.budget().allocate(static_cast<std::uint64_t>(std::ranges::count(s, '\n')) + s.size() / 8,
                       sizeof(std::string));
  in.budget().allocate(s.size());
  return list_of(in, split_lines(s, a.truth_or(0, false)));
}

// The part of `s` that str.find and its like look at, in bytes; nullopt if it is empty by its
// bounds (then not even "" is found).
struct Window {
  std::size_t begin, end;
};
std::optional<Window> window(Interpreter& in, const std::string& s, const Bound& a) {
  in.budget().scan(s.size());
  if (!a.has(1) && !a.has(2)) return Window{0, s.size()};
  const auto n = static_cast<std::int64_t>(count_characters(s));
  const auto bound = [&](std::size_t i, std::int64_t otherwise) {
    if (!a.has(i) || a.at(i).is_none()) return otherwise;
    const std::int64_t at = a.integer_or(i, otherwise);
    return at < 0 ? std::max<std::int64_t>(at < -n ? 0 : at + n, 0) : at;
  };
  const std::int64_t begin = bound(1, 0);
  const std::int64_t end = std::min(bound(2, n), n);
  if (begin > end) return std::nullopt;
  return Window{offset_of(s, static_cast<std::size_t>(begin)),
                offset_of(s, static_cast<std::size_t>(end))};
}

enum class Search : std::uint8_t { kFind, kLast };
template <Search kSearch, bool kMustBeThere>
Value find_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("find", arguments, {"sub", "start", "end"});
  const auto part = a.text(0);
  if (!part) fail("find: the argument 'sub' is no string");
  if (const auto w = window(in, s, a)) {
    in.budget().scan(part->size());
    const auto text = std::string_view(s).substr(w->begin, w->end - w->begin);
    if (kSearch == Search::kLast) in.budget().allocate(text.size() + part->size());
    const std::size_t at =
        kSearch == Search::kFind ? find_text(text, *part) : find_last_text(text, *part);
    if (at != std::string_view::npos) return character_index(s, w->begin + at);
  }
  if (kMustBeThere) fail("index: substring not found");
  return std::int64_t{-1};
}

Value count_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("count", arguments, {"sub", "start", "end"});
  const auto part = a.text(0);
  if (!part) fail("count: the argument 'sub' is no string");
  const auto w = window(in, s, a);
  if (!w) return std::int64_t{0};
  const auto text = std::string_view(s).substr(w->begin, w->end - w->begin);
  if (part->empty()) return static_cast<std::int64_t>(count_characters(text)) + 1;
  std::int64_t n = 0;
  // Each search sets up its needle anew.
  for (std::size_t at = 0; (at = find_text(text, *part, at)) != std::string_view::npos; ++n) {
    in.budget().scan(part->size());
    at += part->size();
  }
  return n;
}

template <bool kStart>
Value has_affix(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a(kStart ? "startswith" : "endswith", arguments, {"prefix", "start", "end"});
  const auto w = window(in, s, a);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) {
      fail(fmt::format("{}: a value of type '{}', expected a string or a tuple of them",
                       kStart ? "startswith" : "endswith", type_name(affix)));
    }
    if (!w) return false;
    const auto text = std::string_view(s).substr(w->begin, w->end - w->begin);
    in.budget().scan(affix.string().size());
    return kStart ? text.starts_with(affix.string()) : text.ends_with(affix.string());
  };
  const Value& affix = a.at(0);
  if (!affix.is_list(List::Flavor::kTuple)) return matches(affix);
  return std::ranges::any_of(affix.list()->items, matches);
}

Value replace_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("replace", arguments, {"old", "new", "count"});
  Arguments plain;
  plain.positional = {in.text(s), a.at(0), a.at(1), a.value_or(2, std::int64_t{-1})};
  if (!a.text(0) || !a.text(1)) fail("replace: expected strings");
  Arguments rest;
  rest.positional.assign(plain.positional.begin() + 1, plain.positional.end());
  return call_filter(in, "replace", plain.positional.front(), rest);
}

Value join_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("join", arguments, {"iterable"});
  std::string out;
  bool is_first = true;
  for (const Value& item : iterate(in.budget(), a.at(0))) {
    if (!item.is_string()) {
      fail(fmt::format("join: an item of type '{}', expected strings", type_name(item)));
    }
    in.budget().allocate(s.size() + item.string().size());
    if (!is_first) out += s;
    is_first = false;
    out += item.string();
  }
  return in.text(std::move(out));
}

template <std::string (*kChange)(std::string_view)>
Value changed(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("method", arguments, {});
  in.budget().allocate(s.size(), 8);
  return in.text(kChange(s));
}

// All characters, and at least one.
template <bool (*kIs)(char32_t)>
Value all_are(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("method", arguments, {});
  in.budget().scan(s.size());
  std::string_view text = s;
  while (!text.empty()) {
    const std::size_t n = character_length(text);
    if (!kIs(code_point(text.substr(0, n)))) return false;
    text.remove_prefix(n);
  }
  return !s.empty();
}

// At least one cased character, and none of the other case.
template <bool (*kIs)(char32_t)>
Value cased_are(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("method", arguments, {});
  in.budget().scan(s.size());
  bool has_one = false;
  std::string_view text = s;
  while (!text.empty()) {
    const std::size_t n = character_length(text);
    const char32_t c = code_point(text.substr(0, n));
    if (is_cased(c) && !kIs(c)) return false;
    has_one |= kIs(c);
    text.remove_prefix(n);
  }
  return has_one;
}

Value isascii(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("isascii", arguments, {});
  in.budget().scan(s.size());
  return std::ranges::all_of(s, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <bool kPrefix>
Value remove_affix(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("removeprefix", arguments, {"affix"});
  const auto affix = a.text(0);
  if (!affix) fail("removeprefix: the argument is no string");
  std::string_view out = s;
  if (kPrefix && out.starts_with(*affix)) out.remove_prefix(affix->size());
  if (!kPrefix && out.ends_with(*affix)) out.remove_suffix(affix->size());
  return in.text(std::string(out));
}

template <bool kFromRight>
Value partition(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("partition", arguments, {"sep"});
  const auto separator = a.text(0);
  if (!separator || separator->empty()) fail("partition: expected a separator");
  in.budget().allocate(2 * s.size() + separator->size());
  const std::size_t at = kFromRight ? find_last_text(s, *separator) : find_text(s, *separator);
  std::vector<std::string> parts;
  if (at == std::string::npos) {
    parts = kFromRight ? std::vector<std::string>{"", "", s} : std::vector<std::string>{s, "", ""};
  } else {
    parts = {s.substr(0, at), *separator, s.substr(at + separator->size())};
  }
  return list_of(in, std::move(parts), List::Flavor::kTuple);
}

enum class Side : std::uint8_t { kLeft, kCenter, kRight };
template <Side kSide>
Value justify(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("justify", arguments, {"width", "fillchar"});
  const std::string fill = a.text(1).value_or(" ");
  if (count_characters(fill) != 1) fail("justify: the fill is not one character");
  if (!a.has(0)) fail("justify: the width is missing");
  const auto n = static_cast<std::int64_t>(count_characters(s));
  const std::int64_t pad = std::max<std::int64_t>(a.integer_or(0, 0) - n, 0);
  in.budget().allocate(static_cast<std::uint64_t>(pad), fill.size());
  // Python puts the odd one to the left if the width is odd.
  const std::int64_t left = kSide == Side::kLeft    ? 0
                            : kSide == Side::kRight ? pad
                                                    : pad / 2 + (pad & (n + pad) & 1);
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += s;
  for (std::int64_t i = left; i < pad; ++i) out += fill;
  return in.text(std::move(out));
}

Value zfill(Interpreter& in, const std::string& s, Arguments& arguments) {
  const Bound a("zfill", arguments, {"width"});
  const auto n = static_cast<std::int64_t>(count_characters(s));
  const std::int64_t pad = std::max<std::int64_t>(a.integer_or(0, 0) - n, 0);
  in.budget().allocate(static_cast<std::uint64_t>(pad));
  const bool has_sign = !s.empty() && (s[0] == '-' || s[0] == '+');
  std::string out = has_sign ? s.substr(0, 1) : "";
  out.append(static_cast<std::size_t>(pad), '0');
  return in.text(out + s.substr(has_sign ? 1 : 0));
}

Value format_method(Interpreter& in, const std::string& s, Arguments& arguments) {
  return in.text(format_braces(in, s, arguments));
}

constexpr std::array<std::pair<std::string_view, Method>, 39> kMethods = {{
    {"capitalize", changed<to_capital>},
    {"center", justify<Side::kCenter>},
    {"count", count_method},
    {"endswith", has_affix<false>},
    {"find", find_method<Search::kFind, false>},
    {"format", format_method},
    {"index", find_method<Search::kFind, true>},
    {"isalnum", all_are<is_alnum>},
    {"isalpha", all_are<is_alpha>},
    {"isascii", isascii},
    {"isdecimal", all_are<is_decimal>},
    {"isdigit", all_are<is_decimal>},
    {"islower", cased_are<is_lower>},
    {"isnumeric", all_are<is_decimal>},
    {"isspace", all_are<is_space>},
    {"isupper", cased_are<is_upper>},
    {"join", join_method},
    {"ljust", justify<Side::kLeft>},
    {"lower", changed<to_lower>},
    {"lstrip", strip<true, false>},
    {"partition", partition<false>},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"replace", replace_method},
    {"rfind", find_method<Search::kLast, false>},
    {"rindex", find_method<Search::kLast, true>},
    {"rjust", justify<Side::kRight>},
    {"rpartition", partition<true>},
    {"rsplit", split_method<true>},
    {"rstrip", strip<false, true>},
    {"split", split_method<false>},
    {"splitlines", splitlines},
    {"startswith", has_affix<true>},
    {"strip", strip<true, true>},
    {"swapcase", changed<swap_case>},
    {"title", changed<to_title>},
    {"upper", changed<to_upper>},
    {"zfill", zfill},
    {"", nullptr},
}};

constexpr std::array<std::string_view, 9> kOthers = {"casefold",   "encode",       "expandtabs",
                                                     "format_map", "isidentifier", "istitle",
                                                     "maketrans",  "translate",    "isprintable"};

}  // namespace

std::optional<Value> string_method(Interpreter& in, const Value& text, const std::string& name) {
  for (const auto& [known, method] : kMethods) {
    if (known != name || method == nullptr) continue;
    in.budget().allocate(sizeof(FunctionObject));
    return std::shared_ptr<Object>(std::make_shared<FunctionObject>(
        name, "builtin_function_or_method",
        [text, call = method](Interpreter& interpreter, Arguments& arguments) {
          return call(interpreter, text.string(), arguments);
        }));
  }
  if (std::ranges::find(kOthers, name) != kOthers.end()) {
    fail_unsupported(fmt::format("the method '{}' of a string", name));
  }
  return std::nullopt;
}

}  // namespace cutaway::chat
