// Values as text: Python's str() and repr(), and json.dumps.
#pragma once

#include <optional>
#include <string>

#include "chat/value.h"

namespace cutaway::chat {

std::string to_string(Budget& budget, const Value& value);  ///< str(value): undefined is ""
std::string repr(Budget& budget, const Value& value);
std::string float_repr(double d);
std::string repr_of_text(std::string_view text);

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  ///< what one level is indented by; absent: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
/// json.dumps. Failure for what is not JSON, as there.
std::string to_json(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace cutaway::chat
