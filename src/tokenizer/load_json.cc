// A tokenizer.json, and the special tokens that its neighbours name.
#include <cutaway/error.h>
#include <fmt/format.h>

#include "io/json.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/tokenizer_impl.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

const Json& section(const Json& json, std::string_view name) {
  static const Json null;
  const Json* value = json.find(name);
  return value != nullptr ? *value : null;
}

void check_added_ids(const Tokenizer::Impl& impl, const Json& json) {
  const auto check = [&](TokenId id) {
    if (impl.piece(id) != nullptr) return;
    throw FormatError(json.origin(),
                      fmt::format("field 'post_processor' adds the token id {}, which "
                                  "is not in the vocabulary",
                                  id));
  };
  for (const PostProcessor& processor : impl.post_processors) {
    if (const auto* pattern = std::get_if<Template>(&processor)) {
      for (const Template::Part& part : pattern->parts) {
        for (const TokenId id : part.ids) check(id);
      }
    }
    if (const auto* brackets = std::get_if<Brackets>(&processor)) {
      check(brackets->begin);
      check(brackets->end);
    }
  }
}

/// The id of "bos_token": "<s>" or "bos_token": {"content": "<s>", ...}.
std::optional<TokenId> named_token(const Tokenizer::Impl& impl, const Json& config,
                                   std::string_view name) {
  const Json* token = config.find(name);
  if (token == nullptr || token->is_null()) return std::nullopt;
  return impl.id(token->is_object() ? token->at("content").as_string() : token->as_string());
}

void find_bos_and_eos(Tokenizer::Impl& impl, const std::filesystem::path& folder) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(folder / name, error)) continue;
    const Json config = Json::load(folder / name);
    impl.bos = named_token(impl, config, "bos_token");
    impl.eos = named_token(impl, config, "eos_token");
    return;
  }
}

}  // namespace

std::shared_ptr<Tokenizer::Impl> parse_tokenizer(const Json& json, const std::string& origin) {
  if (!json.is_object()) throw FormatError(origin, "is not a JSON object");
  if (const Json& version = section(json, "version"); !version.is_null()) {
    if (version.as_string() != "1.0") {
      throw UnsupportedError(origin, fmt::format("tokenizer version '{}' is not supported, "
                                                 "expected 1.0",
                                                 version.as_string()));
    }
  }
  // "truncation" and "padding" are left alone: they are the settings of a training run, which
  // transformers switches off for every call that does not ask for them.
  auto impl = std::make_shared<Tokenizer::Impl>(origin, parse_model(json.at("model")));
  impl->normalizers = parse_normalizers(section(json, "normalizer"));
  impl->pre_tokenizers = parse_pre_tokenizers(section(json, "pre_tokenizer"));
  impl->post_processors = parse_post_processors(section(json, "post_processor"));
  impl->has_decoder = !section(json, "decoder").is_null();
  impl->decoders = parse_decoders(section(json, "decoder"));
  add_tokens(*impl, parse_added_tokens(section(json, "added_tokens")), "field 'added_tokens'");
  check_added_ids(*impl, json);
  return impl;
}

std::shared_ptr<const Tokenizer::Impl> load_json(const std::filesystem::path& file) {
  const Json json = Json::load(file);
  const bool is_tekken = json.find("model") == nullptr && json.find("config") != nullptr &&
                         json.find("vocab") != nullptr;
  if (is_tekken) return parse_tekken(json, file.string());
  auto impl = parse_tokenizer(json, file.string());
  find_bos_and_eos(*impl, file.parent_path());
  return impl;
}

}  // namespace cutaway::tokenizer
