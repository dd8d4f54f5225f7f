#include "chat/repr.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "chat/objects.h"
#include "chat/text.h"

namespace cutaway::chat {
namespace {

// Namespaces can hold themselves, so the depth of values alone is no bound.
constexpr int kMaxPrintDepth = kMaxValueDepth + 20;

class Printer {
 public:
  explicit Printer(Budget& budget) : budget_(budget) {}

  void print(const Value& value, int depth = 0) {
    budget_.step();
    if (depth > kMaxPrintDepth) throw Failure(Failure::Kind::kLimit, "a value too deep to print");
    if (value.is_undefined()) {
      put("Undefined");
    } else if (value.is_none()) {
      put("None");
    } else if (value.is_bool()) {
      put(value.boolean() ? "True" : "False");
    } else if (value.is_int()) {
      put(std::to_string(value.integer()));
    } else if (value.is_float()) {
      put(float_repr(value.real()));
    } else if (value.is_string()) {
      budget_.scan(value.string().size());
      const std::string text = repr_of_text(value.string());
      put(value.is_markup() ? "Markup(" + text + ")" : text);
    } else if (value.dict() != nullptr) {
      print_pairs(value.dict()->items, depth);
    } else if (value.list() != nullptr) {
      print_list(*value.list(), depth);
    } else if (const auto* ns = value.as<NamespaceObject>()) {
      put("<Namespace {");
      const char* separator = "";
      for (const auto& [name, item] : ns->names) {
        put(separator + repr_of_text(name) + ": ");
        print(item, depth + 1);
        separator = ", ";
      }
      put("}>");
    } else if (const auto* macro = value.as<MacroObject>()) {
      put("<Macro " + repr_of_text(macro->definition->name) + ">");
    } else if (const auto* loop = value.as<LoopObject>()) {
      put(fmt::format("<LoopContext {}/{}>", loop->index + 1, loop->items.size()));
    } else {
      fail_unsupported(fmt::format("printing a value of type '{}'", type_name(value)));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text) {
    budget_.allocate(text.size());
    out_ += text;
  }

  void print_items(const std::vector<Value>& items, int depth) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) put(", ");
      print(items[i], depth + 1);
    }
  }

  void print_pairs(const std::vector<std::pair<Value, Value>>& pairs, int depth) {
    put("{");
    const char* separator = "";
    for (const auto& [key, item] : pairs) {
      put(separator);
      print(key, depth + 1);
      put(": ");
      print(item, depth + 1);
      separator = ", ";
    }
    put("}");
  }

  void print_list(const List& list, int depth) {
    switch (list.flavor) {
      case List::Flavor::kList:
        put("[");
        print_items(list.items, depth);
        return put("]");
      case List::Flavor::kTuple:
        put("(");
        print_items(list.items, depth);
        return put(list.items.size() == 1 ? ",)" : ")");
      case List::Flavor::kKeys:
      case List::Flavor::kValues:
      case List::Flavor::kItems:
        put(list.flavor == List::Flavor::kKeys     ? "dict_keys(["
            : list.flavor == List::Flavor::kValues ? "dict_values(["
                                                   : "dict_items([");
        print_items(list.items, depth);
        return put("])");
      case List::Flavor::kRange:
        return print_range(list.items);
      case List::Flavor::kIterator:
        fail_unsupported("printing what a filter iterates over; write '| list'");
    }
  }

  void print_range(const std::vector<Value>& items) {
    if (items.empty()) return put("range(0, 0)");
    const std::int64_t first = items.front().integer();
    const std::int64_t step = items.size() > 1 ? items[1].integer() - first : 1;
    const std::int64_t stop = items.back().integer() + step;
    put(step == 1 ? fmt::format("range({}, {})", first, stop)
                  : fmt::format("range({}, {}, {})", first, stop, step));
  }

  Budget& budget_;
  std::string out_;
};

class JsonPrinter {
 public:
  JsonPrinter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style) {}

  void print(const Value& value, int depth = 0) {
    budget_.step();
    if (value.is_none()) {
      put("null");
    } else if (value.is_bool()) {
      put(value.boolean() ? "true" : "false");
    } else if (value.is_int()) {
      put(std::to_string(value.integer()));
    } else if (value.is_float()) {
      put(number(value.real()));
    } else if (value.is_string()) {
      put_string(value.string());
    } else if (value.is_list(List::Flavor::kList) || value.is_list(List::Flavor::kTuple)) {
      print_list(value.list()->items, depth);
    } else if (value.dict() != nullptr) {
      print_dict(*value.dict(), depth);
    } else {
      fail(fmt::format("tojson: a value of type '{}' has no JSON", type_name(value)));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string number(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
    return float_repr(d);
  }

  void put(std::string_view text) {
    budget_.allocate(text.size());
    out_ += text;
  }

  void newline(int depth) {
    if (!style_.indent) return;
    budget_.allocate(static_cast<std::uint64_t>(depth) + 1, style_.indent->size() + 1);
    out_ += '\n';
    for (int i = 0; i < depth; ++i) out_ += *style_.indent;
  }

  void put_string(std::string_view text) {
    budget_.scan(text.size());
    std::string out = "\"";
    while (!text.empty()) {
      const std::size_t n = character_length(text);
      append_character(out, text.substr(0, n));
      text.remove_prefix(n);
    }
    put(out + "\"");
  }

  void append_character(std::string& out, std::string_view character) const {
    const char32_t c = code_point(character);
    switch (c) {
      case '"':
        out += "\\\"";
        return;
      case '\\':
        out += "\\\\";
        return;
      case '\n':
        out += "\\n";
        return;
      case '\r':
        out += "\\r";
        return;
      case '\t':
        out += "\\t";
        return;
      case '\f':
        out += "\\f";
        return;
      case '\b':
        out += "\\b";
        return;
      default:
        break;
    }
    if (c < 0x20 || (style_.ensure_ascii && c >= 0x7F && c < 0x10000)) {
      if (c == 0x7F) {
        out += character;  // ASCII, whatever its looks
      } else {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      }
    } else if (style_.ensure_ascii && c >= 0x10000) {
      const auto rest = static_cast<unsigned>(c - 0x10000);
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      out += character;
    }
  }

  void print_list(const std::vector<Value>& items, int depth) {
    if (items.empty()) return put("[]");
    put("[");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) put(style_.item_separator);
      newline(depth + 1);
      print(items[i], depth + 1);
    }
    newline(depth);
    put("]");
  }

  static std::string key_text(const Value& key) {
    if (key.is_string()) return key.string();
    if (key.is_none()) return "null";
    if (key.is_bool()) return key.boolean() ? "true" : "false";
    if (key.is_int()) return std::to_string(key.integer());
    if (key.is_float()) return number(key.real());
    fail(fmt::format("tojson: a key of type '{}', expected a string, a number or none",
                     type_name(key)));
  }

  void print_dict(const Dict& dict, int depth) {
    if (dict.items.empty()) return put("{}");
    std::vector<const std::pair<Value, Value>*> order;
    budget_.allocate(dict.items.size(), sizeof(void*));
    for (const auto& item : dict.items) order.push_back(&item);
    if (style_.sort_keys) {
      std::ranges::stable_sort(order, [&](const auto* a, const auto* b) {
        return compare(budget_, a->first, b->first) < 0;
      });
    }
    put("{");
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) put(style_.item_separator);
      newline(depth + 1);
      put_string(key_text(order[i]->first));
      put(style_.key_separator);
      print(order[i]->second, depth + 1);
    }
    newline(depth);
    put("}");
  }

  Budget& budget_;
  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

// The shortest digits that read back the same, in Python's layout of them.
std::string float_repr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, std::chars_format::scientific)
          .ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* digits = text.data() + e + 1;
  std::from_chars(*digits == '+' ? digits + 1 : digits, end, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);  // as Python: 1e-05, 1e+16
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, std::chars_format::fixed).ptr;
  std::string out(buffer.data(), fixed);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string repr_of_text(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  while (!text.empty()) {
    const std::size_t n = character_length(text);
    const char32_t c = code_point(text.substr(0, n));
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(0, n);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += fmt::format("\\U{:08x}", static_cast<unsigned>(c));
    }
    text.remove_prefix(n);
  }
  return out + quote;
}

std::string repr(Budget& budget, const Value& value) {
  Printer printer(budget);
  printer.print(value);
  return printer.take();
}

std::string to_string(Budget& budget, const Value& value) {
  if (value.is_undefined()) return {};
  if (value.is_string()) {
    budget.allocate(value.string().size());
    return value.string();
  }
  return repr(budget, value);
}

std::string to_json(Budget& budget, const Value& value, const JsonStyle& style) {
  JsonPrinter printer(budget, style);
  printer.print(value);
  return printer.take();
}

}  // namespace cutaway::chat
