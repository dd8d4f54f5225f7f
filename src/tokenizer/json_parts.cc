// The sections "normalizer" and "pre_tokenizer".
#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/base64.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

/// Nothing where SentencePiece had no map: tokenizers writes null then.
std::shared_ptr<const CharsMap> parse_charsmap(const Json& json) {
  const Json& field = json.at("precompiled_charsmap");
  if (field.is_null()) return nullptr;
  const auto bytes = decode_base64(field.as_string());
  if (!bytes) fail(field, "is not base64");
  if (bytes->empty()) return nullptr;
  return std::make_shared<const CharsMap>(CharsMap::parse(*bytes, json.origin()));
}

BertNormalizer parse_bert(const Json& json) {
  BertNormalizer out;
  out.clean_text = flag(json, "clean_text");
  out.handle_chinese_chars = flag(json, "handle_chinese_chars");
  out.lowercase = flag(json, "lowercase");
  const Json* strip = json.find("strip_accents");
  out.strip_accents = strip == nullptr || strip->is_null() ? out.lowercase : strip->as_bool();
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
      out.emplace_back(Replace{parse_pattern(part.at("pattern"), "normalizer Replace"),
                               short_text(part.at("content"))});
    } else if (type == "BertNormalizer") {
      out.emplace_back(parse_bert(part));
    } else if (type == "Lowercase") {
      out.emplace_back(Lowercase{});
    } else if (type == "Nmt") {
      out.emplace_back(Nmt{});
    } else if (type == "Strip") {
      out.emplace_back(StripSpaces{flag(part, "strip_left"), flag(part, "strip_right")});
    } else if (type == "StripAccents") {
      out.emplace_back(StripAccents{});
    } else if (type == "ByteLevel") {
      out.emplace_back(ByteLevelNormalizer{});
    } else if (type == "Precompiled") {
      if (auto map = parse_charsmap(part)) out.emplace_back(std::move(map));
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
      out.emplace_back(PatternSplit{parse_pattern(part.at("pattern"), "pre-tokenizer Split"),
                                    parse_behavior(part.at("behavior")), flag(part, "invert")});
    } else if (type == "Digits") {
      out.emplace_back(DigitsSplit{flag(part, "individual_digits")});
    } else if (type == "Metaspace") {
      const Json* split = part.find("split");
      out.emplace_back(MetaspaceSplit{one_character(part.at("replacement")),
                                      parse_prepend_scheme(part),
                                      split == nullptr || split->is_null() || split->as_bool()});
    } else if (type == "BertPreTokenizer") {
      out.emplace_back(BertSplit{});
    } else if (type == "Punctuation") {
      const Json* behavior = part.find("behavior");
      out.emplace_back(PunctuationSplit{behavior == nullptr ? SplitBehavior::kIsolated
                                                            : parse_behavior(*behavior)});
    } else if (type == "Whitespace") {
      out.emplace_back(WordSplit{});
    } else if (type == "WhitespaceSplit") {
      out.emplace_back(WhiteSpaceSplit{});
    } else if (type == "CharDelimiterSplit") {
      out.emplace_back(
          PatternSplit{one_character(part.at("delimiter")), SplitBehavior::kRemoved, false});
    } else if (type == "FixedLength") {
      const Json* length = part.find("length");
      if (length != nullptr && count(*length) == 0) fail(*length, "is 0, expected a length");
      out.emplace_back(FixedLengthSplit{length == nullptr ? 5 : count(*length)});
    } else if (type == "UnicodeScripts") {
      out.emplace_back(ScriptSplit{});
    } else {
      refuse(part, "pre-tokenizer", type);
    }
  });
  return out;
}

}  // namespace cutaway::tokenizer
