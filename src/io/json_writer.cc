#include "io/json_writer.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

#include "io/utf8.h"

namespace cutaway::io {
namespace {

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F) {
      append_escape(out, c);
    } else if ((length = utf8_length(text)) > 0) {
      out.append(text.substr(0, length));
    } else {
      out += "\xEF\xBF\xBD";
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

template <typename Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

JsonWriter::JsonWriter(int indent) : indent_(indent) {}

void JsonWriter::newline() {
  if (indent_ <= 0) return;
  out_ += '\n';
  out_.append(levels_.size() * static_cast<std::size_t>(indent_), ' ');
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) {
    assert(out_.empty() && "a document is one value");
    return;
  }
  assert(!levels_.back().is_object && "a value in an object needs a key");
  if (!levels_.back().is_empty) out_ += ',';
  levels_.back().is_empty = false;
  newline();
}

void JsonWriter::begin_object() {
  before_value();
  out_ += '{';
  levels_.push_back({.is_object = true, .is_empty = true});
}

void JsonWriter::end_object() {
  assert(!levels_.empty() && levels_.back().is_object && !after_key_);
  const bool was_empty = levels_.back().is_empty;
  levels_.pop_back();
  if (!was_empty) newline();
  out_ += '}';
}

void JsonWriter::begin_array() {
  before_value();
  out_ += '[';
  levels_.push_back({.is_object = false, .is_empty = true});
}

void JsonWriter::end_array() {
  assert(!levels_.empty() && !levels_.back().is_object);
  const bool was_empty = levels_.back().is_empty;
  levels_.pop_back();
  if (!was_empty) newline();
  out_ += ']';
}

void JsonWriter::key(std::string_view name) {
  assert(!levels_.empty() && levels_.back().is_object && !after_key_);
  if (!levels_.back().is_empty) out_ += ',';
  levels_.back().is_empty = false;
  newline();
  append_string(out_, name);
  out_ += indent_ > 0 ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::value(std::string_view text) {
  before_value();
  append_string(out_, text);
}

void JsonWriter::value(bool b) {
  before_value();
  out_ += b ? "true" : "false";
}

void JsonWriter::value(std::int64_t i) {
  before_value();
  append_number(out_, i);
}

void JsonWriter::value(float f) {
  if (!std::isfinite(f)) return null();
  before_value();
  append_number(out_, f);
}

void JsonWriter::value(double d) {
  if (!std::isfinite(d)) return null();
  before_value();
  append_number(out_, d);
}

void JsonWriter::null() {
  before_value();
  out_ += "null";
}

std::string JsonWriter::take() {
  assert(levels_.empty() && !after_key_ && "a container is still open");
  out_ += '\n';
  return std::exchange(out_, {});
}

}  // namespace cutaway::io
