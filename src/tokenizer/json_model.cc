// The "model" section: vocabulary, merges, options.
#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/json_parts.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

[[noreturn]] void fail(const Json& json, std::string_view detail) {
  throw FormatError(json.origin(), fmt::format("field '{}' {}", json.where(), detail));
}

bool flag(const Json& model, std::string_view name) {
  const Json* value = model.find(name);
  return value != nullptr && !value->is_null() && value->as_bool();
}

void refuse_unless_empty(const Json& model, std::string_view name) {
  const Json* value = model.find(name);
  if (value == nullptr || value->is_null() || value->as_string().empty()) return;
  throw UnsupportedError(value->origin(), fmt::format("field '{}' is '{}'; only BPE without it is "
                                                      "supported",
                                                      value->where(), value->as_string()));
}

Vocabulary parse_vocabulary(const Json& json) {
  if (!json.is_object()) fail(json, "is not an object of pieces and their ids");
  const auto members = json.members();
  const std::int64_t largest = Vocabulary::largest_id(members.size());
  Vocabulary vocabulary;
  vocabulary.reserve(members.size());
  for (const auto& [piece, value] : members) {
    const std::int64_t id = value.as_int();
    if (id < 0 || id > largest) {
      fail(json, fmt::format("gives '{}' the id {}, expected 0 to {} for {} pieces", piece, id,
                             largest, members.size()));
    }
    const auto added = vocabulary.add(piece, static_cast<TokenId>(id));
    if (added == Vocabulary::Added::kIdExists) {
      fail(json, fmt::format("gives the id {} to both '{}' and '{}'", id,
                             vocabulary.piece(static_cast<TokenId>(id)), piece));
    }
    if (added == Vocabulary::Added::kPieceExists) fail(json, fmt::format("has '{}' twice", piece));
  }
  return vocabulary;
}

TokenId merge_part(const Vocabulary& vocabulary, const Json& merge, std::string_view piece) {
  const auto id = vocabulary.find(piece);
  if (!id) fail(merge, fmt::format("names '{}', which is not in the vocabulary", piece));
  return *id;
}

MergeTable parse_merges(const Json& json, const Vocabulary& vocabulary) {
  MergeTable merges;
  merges.reserve(json.items().size());
  std::uint32_t rank = 0;
  std::string whole;
  for (const Json& merge : json.items()) {
    std::string_view left;
    std::string_view right;
    if (merge.is_array()) {
      const auto parts = merge.items();
      if (parts.size() != 2) {
        fail(merge, fmt::format("has {} parts, expected two", parts.size()));
      }
      left = parts[0].as_string();
      right = parts[1].as_string();
    } else {
      const std::string_view text = merge.as_string();
      if (text.starts_with("#version")) continue;
      const std::size_t space = text.find(' ');
      if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
        fail(merge, fmt::format("is '{}', expected two pieces and one space between them", text));
      }
      left = text.substr(0, space);
      right = text.substr(space + 1);
    }
    if (left.empty() || right.empty()) fail(merge, "merges an empty piece");
    whole.assign(left).append(right);
    const TokenId left_id = merge_part(vocabulary, merge, left);
    const TokenId right_id = merge_part(vocabulary, merge, right);
    merges.set(left_id, right_id, {rank++, merge_part(vocabulary, merge, whole)});
  }
  return merges;
}

}  // namespace

Bpe parse_model(const Json& json) {
  const Json* type = json.find("type");
  const std::string name = type != nullptr ? type->as_string() : "BPE";  // old files have none
  if (name != "BPE") {
    throw UnsupportedError(json.origin(), fmt::format("tokenizer model '{}' is not supported, "
                                                      "expected BPE",
                                                      name));
  }
  if (const Json* dropout = json.find("dropout");
      dropout != nullptr && !dropout->is_null() && dropout->as_double() != 0.0) {
    throw UnsupportedError(json.origin(), fmt::format("field '{}' is {}: random merges are not "
                                                      "supported",
                                                      dropout->where(), dropout->as_double()));
  }
  refuse_unless_empty(json, "continuing_subword_prefix");
  refuse_unless_empty(json, "end_of_word_suffix");

  BpeOptions options;
  if (const Json* unk = json.find("unk_token"); unk != nullptr && !unk->is_null()) {
    options.unk_token = unk->as_string();
  }
  options.fuse_unk = flag(json, "fuse_unk");
  options.byte_fallback = flag(json, "byte_fallback");
  options.ignore_merges = flag(json, "ignore_merges");
  Vocabulary vocabulary = parse_vocabulary(json.at("vocab"));
  MergeTable merges = parse_merges(json.at("merges"), vocabulary);
  return {std::move(vocabulary), std::move(merges), std::move(options)};
}

}  // namespace cutaway::tokenizer
