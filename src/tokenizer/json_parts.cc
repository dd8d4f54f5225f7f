#include "tokenizer/json_parts.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

[[noreturn]] void fail(const Json& json, std::string_view detail) {
  throw FormatError(json.origin(), fmt::format("field '{}' {}", json.where(), detail));
}

[[noreturn]] void refuse(const Json& json, std::string_view kind, std::string_view type) {
  throw UnsupportedError(
      json.origin(), fmt::format("field '{}': {} '{}' is not supported", json.where(), kind, type));
}

bool flag(const Json& json, std::string_view name, std::optional<bool> otherwise = {}) {
  const Json* value = json.find(name);
  return value == nullptr && otherwise ? *otherwise : json.at(name).as_bool();
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

const std::string& one_character(const Json& json) {
  const std::string& text = json.as_string();
  if (text.empty() || utf8_length(text[0]) != text.size()) fail(json, "is not one character");
  return text;
}

std::size_t count(const Json& json) {
  const std::int64_t n = json.as_int();
  if (n < 0) fail(json, fmt::format("is {}, expected a count", n));
  return static_cast<std::size_t>(n);
}

/// {"String": text}, or {"Regex": text} where the text has no meaning beyond itself.
std::optional<std::string> literal_pattern(const Json& pattern) {
  if (const Json* text = pattern.find("String")) return text->as_string();
  const std::string& regex = pattern.at("Regex").as_string();
  if (regex.find_first_of("\\.^$|?*+()[]{}") != std::string::npos) return std::nullopt;
  return regex;
}

Replace parse_replace(const Json& json, std::string_view kind) {
  const Json& pattern = json.at("pattern");
  const auto literal = literal_pattern(pattern);
  if (!literal) {
    refuse(pattern, fmt::format("{} Replace with the regular expression", kind),
           pattern.at("Regex").as_string());
  }
  if (literal->empty()) refuse(pattern, fmt::format("{} Replace with the pattern", kind), "");
  return {*literal, short_text(json.at("content"))};
}

/// Calls `parse(part, type)` for the section, or for each part of a Sequence in it.
template <typename Parse>
void for_each_part(const Json& json, std::string_view list, Parse&& parse) {
  if (json.is_null()) return;
  const std::string& type = json.at("type").as_string();
  if (type != "Sequence") return parse(json, type);
  for (const Json& part : json.at(list).items()) for_each_part(part, list, parse);
}

PatternSplit parse_split(const Json& json) {
  PatternSplit split;
  const Json& pattern = json.at("pattern");
  if (const auto literal = literal_pattern(pattern)) {
    if (literal->empty()) refuse(pattern, "pre-tokenizer Split with the pattern", "");
    split.pattern = *literal;
  } else {
    const std::string& regex = pattern.at("Regex").as_string();
    const auto known = find_pattern(regex);
    if (!known) refuse(pattern, "pre-tokenizer Split with the regular expression", regex);
    split.pattern = *known;
  }
  const std::string& behavior = json.at("behavior").as_string();
  if (behavior == "Removed") {
    split.behavior = SplitBehavior::kRemoved;
  } else if (behavior == "Isolated") {
    split.behavior = SplitBehavior::kIsolated;
  } else if (behavior == "MergedWithPrevious") {
    split.behavior = SplitBehavior::kMergedWithPrevious;
  } else if (behavior == "MergedWithNext") {
    split.behavior = SplitBehavior::kMergedWithNext;
  } else if (behavior == "Contiguous") {
    split.behavior = SplitBehavior::kContiguous;
  } else {
    fail(json.at("behavior"), fmt::format("is '{}', expected Removed, Isolated, Contiguous, "
                                          "MergedWithPrevious or MergedWithNext",
                                          behavior));
  }
  split.invert = flag(json, "invert");
  return split;
}

MetaspaceSplit::Prepend parse_prepend_scheme(const Json& json) {
  using Prepend = MetaspaceSplit::Prepend;
  Prepend prepend = Prepend::kAlways;
  if (const Json* scheme = json.find("prepend_scheme")) {
    const std::string& name = scheme->as_string();
    if (name == "first") {
      prepend = Prepend::kFirst;
    } else if (name == "never") {
      prepend = Prepend::kNever;
    } else if (name != "always") {
      fail(*scheme, fmt::format("is '{}', expected always, first or never", name));
    }
  }
  // Files from before `prepend_scheme` have a flag instead.
  if (const Json* add = json.find("add_prefix_space");
      add != nullptr && !add->is_null() && !add->as_bool()) {
    if (json.find("prepend_scheme") != nullptr && prepend != Prepend::kNever) {
      fail(*add, "is false, which contradicts prepend_scheme");
    }
    prepend = Prepend::kNever;
  }
  return prepend;
}

Template parse_template(const Json& json) {
  Template out;
  bool has_text = false;
  for (const Json& item : json.at("single").items()) {
    Template::Part part;
    if (const Json* sequence = item.find("Sequence")) {
      const std::string& id = sequence->at("id").as_string();
      if (id != "A") fail(*sequence, fmt::format("is '{}', expected A in a single text", id));
      part.is_text = true;
      has_text = true;
    } else {
      const Json& name = item.at("SpecialToken").at("id");
      const Json& token = json.at("special_tokens").at(name.as_string());
      const auto ids = token.at("ids").items();
      const auto pieces = token.at("tokens").items();
      if (ids.size() != pieces.size()) {
        fail(token, fmt::format("has {} ids and {} tokens", ids.size(), pieces.size()));
      }
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t id = ids[i].as_int();
        if (id < 0 || id > INT32_MAX) fail(ids[i], fmt::format("is {}, expected a token id", id));
        part.ids.push_back(static_cast<TokenId>(id));
        part.pieces.push_back(pieces[i].as_string());
      }
    }
    out.parts.push_back(std::move(part));
  }
  if (!has_text) fail(json.at("single"), "has no place for the text");
  return out;
}

}  // namespace

std::vector<Normalizer> parse_normalizers(const Json& json) {
  std::vector<Normalizer> out;
  for_each_part(json, "normalizers", [&](const Json& part, const std::string& type) {
    if (type == "NFC") {
      out.emplace_back(NormalForm::kNfc);
    } else if (type == "NFD") {
      out.emplace_back(NormalForm::kNfd);
    } else if (type == "NFKC") {
      out.emplace_back(NormalForm::kNfkc);
    } else if (type == "NFKD") {
      out.emplace_back(NormalForm::kNfkd);
    } else if (type == "Prepend") {
      out.emplace_back(Prepend{short_text(part.at("prepend"))});
    } else if (type == "Replace") {
      out.emplace_back(parse_replace(part, "normalizer"));
    } else {
      refuse(part, "normalizer", type);
    }
  });
  return out;
}

std::vector<PreTokenizer> parse_pre_tokenizers(const Json& json) {
  std::vector<PreTokenizer> out;
  for_each_part(json, "pretokenizers", [&](const Json& part, const std::string& type) {
    if (type == "ByteLevel") {
      flag(part, "trim_offsets");  // of no effect here, but it must be there
      out.emplace_back(
          ByteLevelSplit{flag(part, "add_prefix_space"), flag(part, "use_regex", true)});
    } else if (type == "Split") {
      out.emplace_back(parse_split(part));
    } else if (type == "Digits") {
      out.emplace_back(DigitsSplit{flag(part, "individual_digits")});
    } else if (type == "Metaspace") {
      const Json* split = part.find("split");
      out.emplace_back(MetaspaceSplit{one_character(part.at("replacement")),
                                      parse_prepend_scheme(part),
                                      split == nullptr || split->is_null() || split->as_bool()});
    } else {
      refuse(part, "pre-tokenizer", type);
    }
  });
  return out;
}

std::vector<PostProcessor> parse_post_processors(const Json& json) {
  std::vector<PostProcessor> out;
  bool has_template = false;
  for_each_part(json, "processors", [&](const Json& part, const std::string& type) {
    if (type == "ByteLevel") {
      if (flag(part, "trim_offsets")) out.emplace_back(TrimOffsets{flag(part, "add_prefix_space")});
    } else if (type == "TemplateProcessing") {
      if (has_template) refuse(part, "post-processor", "a second TemplateProcessing");
      has_template = true;
      out.emplace_back(parse_template(part));
    } else {
      refuse(part, "post-processor", type);
    }
  });
  return out;
}

std::vector<Decoder> parse_decoders(const Json& json) {
  std::vector<Decoder> out;
  for_each_part(json, "decoders", [&](const Json& part, const std::string& type) {
    if (type == "ByteLevel") {
      out.emplace_back(ByteLevelDecoder{});
    } else if (type == "ByteFallback") {
      out.emplace_back(ByteFallbackDecoder{});
    } else if (type == "Fuse") {
      out.emplace_back(FuseDecoder{});
    } else if (type == "Strip") {
      std::size_t pos = 0;
      const char32_t content = next_code_point(one_character(part.at("content")), pos);
      out.emplace_back(StripDecoder{content, count(part.at("start")), count(part.at("stop"))});
    } else if (type == "Metaspace") {
      out.emplace_back(
          MetaspaceDecoder{one_character(part.at("replacement")),
                           parse_prepend_scheme(part) != MetaspaceSplit::Prepend::kNever});
    } else if (type == "Replace") {
      out.emplace_back(parse_replace(part, "decoder"));
    } else {
      refuse(part, "decoder", type);
    }
  });
  return out;
}

std::vector<AddedToken> parse_added_tokens(const Json& json) {
  std::vector<AddedToken> out;
  if (json.is_null()) return out;
  for (const Json& item : json.items()) {
    AddedToken token;
    const std::int64_t id = item.at("id").as_int();
    if (id < 0 || id > INT32_MAX) {
      fail(item.at("id"), fmt::format("is {}, expected a token id", id));
    }
    token.id = static_cast<TokenId>(id);
    token.content = item.at("content").as_string();
    token.single_word = flag(item, "single_word");
    token.lstrip = flag(item, "lstrip");
    token.rstrip = flag(item, "rstrip");
    token.normalized = flag(item, "normalized");
    token.special = flag(item, "special");
    if (!token.content.empty()) out.push_back(std::move(token));
  }
  return out;
}

}  // namespace cutaway::tokenizer
