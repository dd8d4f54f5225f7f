#include <algorithm>

#include <fmt/format.h>

#include "chat/builtins.h"
#include "io/utf8.h"

namespace cutaway::chat {

Bound::Bound(std::string_view function, Arguments& arguments,
             std::vector<std::string_view> parameters)
    : function_(function), parameters_(std::move(parameters)), values_(parameters_.size()) {
  if (arguments.positional.size() > parameters_.size()) {
    fail(fmt::format("{}: {} arguments, expected at most {}", function_,
                     arguments.positional.size(), parameters_.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = arguments.positional[i];
  }
  for (auto& [name, value] : arguments.named) {
    const auto at = std::ranges::find(parameters_, name);
    if (at == parameters_.end()) {
      fail(fmt::format("{}: no argument named '{}'", function_, io::printable(name)));
    }
    auto& slot = values_[static_cast<std::size_t>(at - parameters_.begin())];
    if (slot) fail(fmt::format("{}: the argument '{}' twice", function_, name));
    slot = value;
  }
}

void Bound::fail_type(std::size_t i, std::string_view expected) const {
  fail(fmt::format("{}: the argument '{}' is a value of type '{}', expected {}", function_,
                   parameters_[i], type_name(*values_[i]), expected));
}

const Value& Bound::at(std::size_t i) const {
  if (!values_[i]) {
    fail(fmt::format("{}: the argument '{}' is missing", function_, parameters_[i]));
  }
  return *values_[i];
}

Value Bound::value_or(std::size_t i, Value otherwise) const {
  return values_[i] ? *values_[i] : std::move(otherwise);
}

std::int64_t Bound::integer_or(std::size_t i, std::int64_t otherwise) const {
  if (!values_[i]) return otherwise;
  if (!values_[i]->is_integral()) fail_type(i, "an integer");
  return values_[i]->integer();
}

bool Bound::truth_or(std::size_t i, bool otherwise) const {
  return values_[i] ? truthy(*values_[i]) : otherwise;
}

std::optional<std::string> Bound::text(std::size_t i) const {
  if (!values_[i] || values_[i]->is_none()) return std::nullopt;
  if (!values_[i]->is_string()) fail_type(i, "a string");
  return values_[i]->string();
}

}  // namespace cutaway::chat
