// The filters that make a string of their value.
#include <algorithm>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "chat/interpreter.h"
#include "chat/repr.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

std::string as_text(Interpreter& in, const Value& value) {
  return value.is_string() ? value.string() : to_string(in.budget(), value);
}

template <std::string (*kChange)(std::string_view)>
Value changed(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("filter", arguments, {});
  const std::string text = as_text(in, value);
  in.budget().allocate(text.size(), 8);
  return make_string(in.budget(), kChange(text), value.is_markup());
}

Value capitalize(Interpreter& in, const Value& value, Arguments& arguments) {
  return changed<to_capital>(in, value, arguments);
}

// jinja2's own: words start behind white space, hyphens and opening brackets.
Value title(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("title", arguments, {});
  const std::string text = as_text(in, value);
  in.budget().allocate(text.size(), 8);
  const auto parts = [](char32_t c) {
    return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  std::string out, word;
  const auto flush = [&] {
    if (word.empty()) return;
    const std::size_t n = character_length(word);
    out += to_upper(word.substr(0, n)) + to_lower(word.substr(n));
    word.clear();
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t n = character_length(rest);
    if (parts(code_point(rest.substr(0, n)))) {
      flush();
      out += rest.substr(0, n);
    } else {
      word += rest.substr(0, n);
    }
    rest.remove_prefix(n);
  }
  flush();
  return in.text(std::move(out));
}

Value trim(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("trim", arguments, {"chars"});
  const auto chars = a.text(0);
  const std::string text = as_text(in, value);
  in.budget().step(1 + (text.size() / 16 + 1) * ((chars ? chars->size() : 0) / 16 + 1));
  return make_string(in.budget(), std::string(strip_left(strip_right(text, chars), chars)),
                     value.is_markup());
}

Value replace(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("replace", arguments, {"old", "new", "count"});
  const std::string text = as_text(in, value);
  const std::string old = as_text(in, a.at(0));
  const std::string with = as_text(in, a.at(1));
  std::int64_t count = a.has(2) && !a.at(2).is_none() ? a.integer_or(2, -1) : -1;
  std::string out;
  std::size_t from = 0;
  if (old.empty()) {  // between all characters, and at both ends
    in.budget().allocate(count_characters(text) + 1, with.size());
    in.budget().allocate(text.size());
    for (;; --count) {
      if (count == 0) break;
      out += with;
      if (from == text.size()) break;
      const std::size_t n = character_length(std::string_view(text).substr(from));
      out += text.substr(from, n);
      from += n;
    }
    return in.text(out + text.substr(from));
  }
  for (; count != 0; --count) {
    const std::size_t at = find_text(text, old, from);
    if (at == std::string::npos) break;
    in.budget().allocate(at - from + with.size());
    in.budget().scan(old.size());  // each search sets up its needle anew
    out.append(text, from, at - from);
    out += with;
    from = at + old.size();
  }
  return in.text(out + text.substr(from));
}

Value indent(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("indent", arguments, {"width", "first", "blank"});
  if (!value.is_string()) {
    if (value.is_undefined()) fail(value.hint());
    fail(fmt::format("indent: a value of type '{}', expected a string", type_name(value)));
  }
  std::string by;
  if (a.has(0) && a.at(0).is_string()) {
    by = a.at(0).string();
  } else {
    const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(a.integer_or(0, 4), 0));
    in.budget().allocate(n);
    by.assign(n, ' ');
  }
  const bool first = a.truth_or(1, false);
  const bool blank = a.truth_or(2, false);
  // Half of the bytes may be line ends.
  in.budget().allocate(value.string().size() + 1, sizeof(std::string));
  const std::vector<std::string> lines = split_lines(value.string() + "\n", false);
  in.budget().allocate(lines.size(), by.size() + 1);
  in.budget().allocate(value.string().size());
  std::string out = first ? by : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out += '\n';
      if (blank || !lines[i].empty()) out += by;
    }
    out += lines[i];
  }
  return in.text(std::move(out));
}

Value center(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("center", arguments, {"width"});
  Arguments width;
  width.positional.push_back(a.value_or(0, std::int64_t{80}));
  return in.call(*string_method(in, in.text(as_text(in, value)), "center"), width);
}

Value format(Interpreter& in, const Value& value, Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    fail("format: arguments with and without names");
  }
  if (!arguments.named.empty()) {
    DictBuilder dict(in.budget());
    for (auto& [name, item] : arguments.named) dict.set(in.text(name), item);
    return in.text(format_percent(in, as_text(in, value), dict.take()));
  }
  return in.text(format_percent(
      in, as_text(in, value),
      make_list(in.budget(), std::move(arguments.positional), List::Flavor::kTuple)));
}

Value truncate(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const std::int64_t most = a.integer_or(0, 255);
  const std::string end = a.text(2).value_or("...");
  const std::int64_t leeway = a.has(3) && !a.at(3).is_none() ? a.integer_or(3, 5) : 5;
  const auto end_length = static_cast<std::int64_t>(count_characters(end));
  if (most < end_length) fail("truncate: the length is shorter than the end");
  if (leeway < 0) fail("truncate: a negative leeway");
  const auto n = static_cast<std::int64_t>(length(in.budget(), value));
  if (n <= most || n - most <= leeway) return value;
  if (!value.is_string()) fail("truncate: expected a string");
  const std::string& text = value.string();
  std::string kept = text.substr(0, offset_of(text, static_cast<std::size_t>(most - end_length)));
  if (!a.truth_or(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return in.text(kept + end);
}

// Runs of word characters.
Value wordcount(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("wordcount", arguments, {});
  const std::string text = as_text(in, value);
  in.budget().scan(text.size());
  std::int64_t n = 0;
  bool inside = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t length = character_length(rest);
    const char32_t c = code_point(rest.substr(0, length));
    const bool is_word = is_alnum(c) || c == '_';
    if (is_word && !inside) ++n;
    inside = is_word;
    rest.remove_prefix(length);
  }
  return n;
}

Value escape(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("escape", arguments, {});
  if (value.is_markup()) return value;
  const std::string text = as_text(in, value);
  in.budget().allocate(text.size(), 5);
  return make_string(in.budget(), escape_html(text), true);
}

Value force_escape(Interpreter& in, const Value& value, Arguments& arguments) {
  return escape(in, in.text(as_text(in, value)), arguments);
}

Value safe(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("safe", arguments, {});
  return make_string(in.budget(), as_text(in, value), true);
}

Value string(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("string", arguments, {});
  return value.is_string() ? value : in.text(as_text(in, value));
}

// As transformers redefines it: json.dumps, without escapes for HTML.
Value tojson(Interpreter& in, const Value& value, Arguments& arguments) {
  const Bound a("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = a.truth_or(0, false);
  if (a.has(1) && !a.at(1).is_none()) {
    if (a.at(1).is_string()) {
      style.indent = a.at(1).string();
    } else {
      const auto n = static_cast<std::uint64_t>(std::max<std::int64_t>(a.integer_or(1, 0), 0));
      in.budget().allocate(n);
      style.indent = std::string(n, ' ');
    }
    style.item_separator = ",";
  }
  if (a.has(2) && !a.at(2).is_none()) {
    const std::vector<Value> pair = iterate(in.budget(), a.at(2));
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      fail("tojson: 'separators' takes two strings");
    }
    style.item_separator = pair[0].string();
    style.key_separator = pair[1].string();
  }
  style.sort_keys = a.truth_or(3, false);
  return in.text(to_json(in.budget(), value, style));
}

}  // namespace

std::vector<NamedFilter> text_filters() {
  return {{"capitalize", capitalize},
          {"center", center},
          {"e", escape},
          {"escape", escape},
          {"forceescape", force_escape},
          {"format", format},
          {"indent", indent},
          {"lower", changed<to_lower>},
          {"replace", replace},
          {"safe", safe},
          {"string", string},
          {"title", title},
          {"tojson", tojson},
          {"trim", trim},
          {"truncate", truncate},
          {"upper", changed<to_upper>},
          {"wordcount", wordcount}};
}

}  // namespace cutaway::chat
