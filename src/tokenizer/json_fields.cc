#include "tokenizer/json_fields.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {

using io::Json;

void fail(const Json& json, std::string_view detail) {
  throw FormatError(json.origin(), fmt::format("field '{}' {}", json.where(), detail));
}

void refuse(const Json& json, std::string_view kind, std::string_view type) {
  throw UnsupportedError(
      json.origin(), fmt::format("field '{}': {} '{}' is not supported", json.where(), kind, type));
}

bool flag(const Json& json, std::string_view name, std::optional<bool> otherwise) {
  const Json* value = json.find(name);
  return value == nullptr && otherwise ? *otherwise : json.at(name).as_bool();
}

const std::string& one_character(const Json& json) {
  const std::string& text = json.as_string();
  if (text.empty() || utf8_length(text[0]) != text.size()) fail(json, "is not one character");
  return text;
}

const std::string& short_text(const Json& json) {
  const std::string& text = json.as_string();
  if (text.size() > kLongestReplacement) {
    throw UnsupportedError(
        json.origin(), fmt::format("field '{}' is {} bytes long, more than {} are not supported",
                                   json.where(), text.size(), kLongestReplacement));
  }
  return text;
}

const std::string& some_text(const Json& json) {
  const std::string& text = short_text(json);
  if (text.empty()) {
    throw UnsupportedError(
        json.origin(), fmt::format("field '{}' is empty, which is not supported", json.where()));
  }
  return text;
}

std::size_t count(const Json& json) {
  const std::int64_t n = json.as_int();
  if (n < 0) fail(json, fmt::format("is {}, expected a count", n));
  return static_cast<std::size_t>(n);
}

TokenId token_id(const Json& json) {
  const std::int64_t id = json.as_int();
  if (id < 0 || id > INT32_MAX) fail(json, fmt::format("is {}, expected a token id", id));
  return static_cast<TokenId>(id);
}

Pattern parse_pattern(const Json& pattern, std::string_view kind) {
  if (const Json* text = pattern.find("String")) {
    if (text->as_string().empty()) refuse(pattern, fmt::format("{} with the pattern", kind), "");
    return text->as_string();
  }
  const std::string& regex = pattern.at("Regex").as_string();
  if (regex.empty()) refuse(pattern, fmt::format("{} with the pattern", kind), "");
  if (regex.find_first_of("\\.^$|?*+()[]{}") == std::string::npos) return regex;
  if (const auto known = find_pattern(regex)) return *known;
  return Regex::compile(regex, pattern.origin(), pattern.where());
}

SplitBehavior parse_behavior(const Json& json) {
  const std::string& name = json.as_string();
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  fail(json, fmt::format("is '{}', expected Removed, Isolated, Contiguous, MergedWithPrevious or "
                         "MergedWithNext",
                         name));
}

MetaspaceSplit::Prepend parse_prepend_scheme(const Json& json) {
  using Scheme = MetaspaceSplit::Prepend;
  Scheme prepend = Scheme::kAlways;
  if (const Json* scheme = json.find("prepend_scheme")) {
    const std::string& name = scheme->as_string();
    if (name == "first") {
      prepend = Scheme::kFirst;
    } else if (name == "never") {
      prepend = Scheme::kNever;
    } else if (name != "always") {
      fail(*scheme, fmt::format("is '{}', expected always, first or never", name));
    }
  }
  // Files from before `prepend_scheme` have a flag instead.
  if (const Json* add = json.find("add_prefix_space");
      add != nullptr && !add->is_null() && !add->as_bool()) {
    if (json.find("prepend_scheme") != nullptr && prepend != Scheme::kNever) {
      fail(*add, "is false, which contradicts prepend_scheme");
    }
    prepend = Scheme::kNever;
  }
  return prepend;
}

}  // namespace cutaway::tokenizer
