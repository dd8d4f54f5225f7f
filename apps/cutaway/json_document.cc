#include "json_document.h"

#include <cmath>

#include <fmt/format.h>

namespace cutaway::cli {
namespace {

constexpr int kSchemaVersion = 1;

}  // namespace

void begin_document(io::JsonWriter& json, std::string_view command,
                    const std::optional<std::string>& model) {
  json.begin_object();
  json.member("schema", fmt::format("cutaway/{}/{}", command, kSchemaVersion));
  json.key("model");
  if (model) {
    json.value(*model);
  } else {
    json.null();
  }
}

void write_token_name(io::JsonWriter& json, TokenId id, const Tokenizer* tokenizer) {
  json.member("id", id);
  const auto piece = piece_of(tokenizer, id);
  json.key("piece");
  if (piece) {
    json.value(*piece);
  } else {
    json.null();
  }
  json.key("text");
  if (piece) {
    json.value(text_of(tokenizer, id));
  } else {
    json.null();
  }
}

void write_tokens(io::JsonWriter& json, std::span<const Prompt> prompts,
                  const Tokenizer* tokenizer) {
  json.key("tokens");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    const auto& ids = prompts[row].ids();
    for (std::size_t pos = 0; pos < ids.size(); ++pos) {
      json.begin_object();
      json.member("row", row);
      json.member("pos", pos);
      write_token_name(json, ids[pos], tokenizer);
      json.end_object();
    }
  }
  json.end_array();
}

void write_token_scores(io::JsonWriter& json, const LensToken& token) {
  json.member("logit", token.logit);
  json.member("prob", token.prob);
  if (!std::isfinite(token.logit) || !std::isfinite(token.prob)) {
    json.member("reason", "the logits are not finite");
  }
}

void write_top(io::JsonWriter& json, std::span<const LensToken> top, const Tokenizer* tokenizer) {
  json.begin_array();
  for (const LensToken& token : top) {
    json.begin_object();
    write_token_name(json, token.id, tokenizer);
    write_token_scores(json, token);
    json.end_object();
  }
  json.end_array();
}

void write_strings(io::JsonWriter& json, std::string_view name,
                   std::span<const std::string> values) {
  json.key(name);
  json.begin_array();
  for (const std::string& value : values) json.value(value);
  json.end_array();
}

}  // namespace cutaway::cli
