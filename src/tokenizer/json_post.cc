// The sections "post_processor", "decoder" and "added_tokens".
#include <tuple>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/json_fields.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

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
        part.ids.push_back(token_id(ids[i]));
        part.pieces.push_back(pieces[i].as_string());
      }
    }
    out.parts.push_back(std::move(part));
  }
  if (!has_text) fail(json.at("single"), "has no place for the text");
  return out;
}

/// ["[SEP]", 102]
std::pair<std::string, TokenId> parse_named_id(const Json& json) {
  const auto items = json.items();
  if (items.size() != 2) fail(json, fmt::format("has {} parts, expected two", items.size()));
  return {items[0].as_string(), token_id(items[1])};
}

Brackets parse_brackets(const Json& json, bool begins_others) {
  Brackets out;
  std::tie(out.begin_piece, out.begin) = parse_named_id(json.at("cls"));
  std::tie(out.end_piece, out.end) = parse_named_id(json.at("sep"));
  out.begins_others = begins_others;
  return out;
}

}  // namespace

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
    } else if (type == "BertProcessing") {
      out.emplace_back(parse_brackets(part, false));
    } else if (type == "RobertaProcessing") {
      const bool add_prefix_space = flag(part, "add_prefix_space");
      if (flag(part, "trim_offsets")) out.emplace_back(TrimOffsets{add_prefix_space});
      out.emplace_back(parse_brackets(part, true));
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
      out.emplace_back(Replace{parse_pattern(part.at("pattern"), "decoder Replace"),
                               short_text(part.at("content"))});
    } else if (type == "BPEDecoder") {
      out.emplace_back(BpeDecoder{some_text(part.at("suffix"))});
    } else if (type == "WordPiece") {
      out.emplace_back(WordPieceDecoder{short_text(part.at("prefix")), flag(part, "cleanup")});
    } else if (type == "CTC") {
      out.emplace_back(CtcDecoder{some_text(part.at("pad_token")),
                                  some_text(part.at("word_delimiter_token")),
                                  flag(part, "cleanup")});
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
    token.id = token_id(item.at("id"));
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
