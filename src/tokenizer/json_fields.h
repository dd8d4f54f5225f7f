// What the readers of a tokenizer.json's sections share.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "io/json.h"
#include "tokenizer/pieces.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/split_pattern.h"

namespace cutaway::tokenizer {

/// FormatError "FILE: field 'a.b' DETAIL".
[[noreturn]] void fail(const io::Json& json, std::string_view detail);
/// UnsupportedError "FILE: field 'a.b': KIND 'TYPE' is not supported".
[[noreturn]] void refuse(const io::Json& json, std::string_view kind, std::string_view type);

bool flag(const io::Json& json, std::string_view name, std::optional<bool> otherwise = {});
const std::string& one_character(const io::Json& json);
/// UnsupportedError if longer than kLongestReplacement.
const std::string& short_text(const io::Json& json);
/// The same, and not empty.
const std::string& some_text(const io::Json& json);
std::size_t count(const io::Json& json);
TokenId token_id(const io::Json& json);

/// {"String": text} or {"Regex": expression}; `kind` is what has it, for messages.
Pattern parse_pattern(const io::Json& pattern, std::string_view kind);
SplitBehavior parse_behavior(const io::Json& json);
MetaspaceSplit::Prepend parse_prepend_scheme(const io::Json& json);

/// Calls `parse(part, type)` for the section, or for each part of a Sequence in it.
template <typename Parse>
void for_each_part(const io::Json& json, std::string_view list, Parse&& parse) {
  if (json.is_null()) return;
  const std::string& type = json.at("type").as_string();
  if (type != "Sequence") return parse(json, type);
  for (const io::Json& part : json.at(list).items()) for_each_part(part, list, parse);
}

}  // namespace cutaway::tokenizer
