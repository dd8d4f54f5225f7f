// The "model" section: vocabulary, merges, options.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/json_fields.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

bool is_set(const Json& model, std::string_view name) {
  const Json* value = model.find(name);
  return value != nullptr && !value->is_null() && value->as_bool();
}

std::string text_or(const Json& model, std::string_view name, std::string_view otherwise) {
  const Json* value = model.find(name);
  return value == nullptr || value->is_null() ? std::string(otherwise) : value->as_string();
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

struct MergeParts {
  std::string_view left;
  std::string_view right;
  std::uint64_t left_hash;
  std::uint64_t right_hash;
  std::uint64_t whole_hash;
};

/// ["a", "b"] or "a b"; nothing for the first line of an old file.
std::optional<MergeParts> split_merge(const Json& merge, std::size_t prefix) {
  MergeParts out{};
  if (merge.is_array()) {
    const auto parts = merge.items();
    if (parts.size() != 2) {
      fail(merge, fmt::format("has {} parts, expected two", parts.size()));
    }
    out.left = parts[0].as_string();
    out.right = parts[1].as_string();
  } else {
    const std::string_view text = merge.as_string();
    if (text.starts_with("#version")) return std::nullopt;
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      fail(merge, fmt::format("is '{}', expected two pieces and one space between them", text));
    }
    out.left = text.substr(0, space);
    out.right = text.substr(space + 1);
  }
  if (out.left.empty() || out.right.empty()) fail(merge, "merges an empty piece");
  // The right part is inside the word: its prefix is no text.
  if (out.right.size() < prefix ||
      (prefix < out.right.size() && is_continuation(out.right[prefix]))) {
    fail(merge, fmt::format("has a right part '{}' shorter than the prefix of pieces inside a word",
                            out.right));
  }
  out.left_hash = Vocabulary::hash_of(out.left);
  out.right_hash = Vocabulary::hash_of(out.right);
  out.whole_hash = out.left_hash;
  for (const char byte : out.right.substr(prefix)) {
    out.whole_hash = Vocabulary::extend_hash(out.whole_hash, byte);
  }
  return out;
}

MergeTable parse_merges(const Json& json, const Vocabulary& vocabulary, std::size_t prefix) {
  const auto items = json.items();
  MergeTable merges;
  merges.reserve(items.size());
  std::uint32_t rank = 0;
  std::string whole;
  const auto id_of = [&](const Json& merge, std::string_view piece, std::uint64_t hash) {
    const auto id = vocabulary.find(piece, hash);
    if (!id) fail(merge, fmt::format("names '{}', which is not in the vocabulary", piece));
    return *id;
  };
  // In blocks, so that the memory of a block is on its way while the one before is looked up: a
  // large file has half a million merges, each with three lookups that miss every cache.
  constexpr std::size_t kBlock = 32;
  std::array<std::optional<MergeParts>, kBlock> parts;
  for (std::size_t begin = 0; begin < items.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, items.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      parts[i] = split_merge(items[begin + i], prefix);
      if (!parts[i]) continue;
      for (const std::uint64_t hash :
           {parts[i]->left_hash, parts[i]->right_hash, parts[i]->whole_hash}) {
        vocabulary.prefetch_slot(hash);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!parts[i]) continue;
      for (const std::uint64_t hash :
           {parts[i]->left_hash, parts[i]->right_hash, parts[i]->whole_hash}) {
        vocabulary.prefetch_piece(hash);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!parts[i]) continue;
      for (const std::uint64_t hash :
           {parts[i]->left_hash, parts[i]->right_hash, parts[i]->whole_hash}) {
        vocabulary.prefetch_text(hash);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!parts[i]) continue;
      const Json& merge = items[begin + i];
      const MergeParts& part = *parts[i];
      const TokenId left = id_of(merge, part.left, part.left_hash);
      const TokenId right = id_of(merge, part.right, part.right_hash);
      whole.assign(part.left).append(part.right.substr(prefix));
      merges.set(left, right, {rank++, id_of(merge, whole, part.whole_hash)});
    }
  }
  return merges;
}

Bpe parse_bpe(const Json& json) {
  if (const Json* dropout = json.find("dropout");
      dropout != nullptr && !dropout->is_null() && dropout->as_double() != 0.0) {
    throw UnsupportedError(json.origin(), fmt::format("field '{}' is {}: random merges are not "
                                                      "supported",
                                                      dropout->where(), dropout->as_double()));
  }
  BpeOptions options;
  options.unk_token = text_or(json, "unk_token", "");
  options.fuse_unk = is_set(json, "fuse_unk");
  options.byte_fallback = is_set(json, "byte_fallback");
  options.ignore_merges = is_set(json, "ignore_merges");
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const Json* value = json.find(name); value != nullptr && !value->is_null()) {
      short_text(*value);
    }
  }
  options.continuing_subword_prefix = text_or(json, "continuing_subword_prefix", "");
  options.end_of_word_suffix = text_or(json, "end_of_word_suffix", "");
  Vocabulary vocabulary = parse_vocabulary(json.at("vocab"));
  MergeTable merges =
      parse_merges(json.at("merges"), vocabulary, options.continuing_subword_prefix.size());
  return {std::move(vocabulary), std::move(merges), std::move(options)};
}

WordPiece parse_word_piece(const Json& json) {
  WordPiece::Options options;
  options.unk_token = json.at("unk_token").as_string();
  options.prefix = short_text(json.at("continuing_subword_prefix"));
  options.longest_word = count(json.at("max_input_chars_per_word"));
  return {parse_vocabulary(json.at("vocab")), std::move(options)};
}

WordLevel parse_word_level(const Json& json) {
  return {parse_vocabulary(json.at("vocab")), json.at("unk_token").as_string()};
}

Unigram parse_unigram(const Json& json) {
  const Json& list = json.at("vocab");
  const auto items = list.items();
  if (items.size() > static_cast<std::size_t>(INT32_MAX)) fail(list, "has too many pieces");
  Vocabulary vocabulary;
  vocabulary.reserve(items.size());
  std::vector<double> scores;
  scores.reserve(items.size());
  TokenId id = 0;
  for (const Json& item : items) {
    if (!item.is_array() || item.items().size() != 2) {
      fail(item, "is not a piece and its score");
    }
    const std::string& piece = item.items()[0].as_string();
    const double score = item.items()[1].as_double();
    if (!std::isfinite(score)) fail(item, fmt::format("has the score {}", score));
    if (vocabulary.add(piece, id) != Vocabulary::Added::kYes) vocabulary.add_again(piece, id);
    scores.push_back(score);
    ++id;
  }
  std::optional<TokenId> unk;
  if (const Json* field = json.find("unk_id"); field != nullptr && !field->is_null()) {
    const std::int64_t value = field->as_int();
    if (value < 0 || value >= id) {
      fail(*field, fmt::format("is {}, expected one of {} pieces", value, id));
    }
    unk = static_cast<TokenId>(value);
  }
  return {std::move(vocabulary), std::move(scores), unk, is_set(json, "byte_fallback")};
}

/// Files from before the type was written: each model has a field of its own.
std::string guessed_type(const Json& json) {
  if (json.find("merges") != nullptr) return "BPE";
  if (json.find("continuing_subword_prefix") != nullptr) return "WordPiece";
  const Json* vocab = json.find("vocab");
  if (vocab != nullptr && vocab->is_array()) return "Unigram";
  return json.find("unk_token") != nullptr ? "WordLevel" : "BPE";
}

}  // namespace

TokenModel parse_model(const Json& json) {
  const Json* type = json.find("type");
  const std::string name = type != nullptr ? type->as_string() : guessed_type(json);
  if (name == "BPE") return parse_bpe(json);
  if (name == "Unigram") return parse_unigram(json);
  if (name == "WordPiece") return parse_word_piece(json);
  if (name == "WordLevel") return parse_word_level(json);
  throw UnsupportedError(json.origin(),
                         fmt::format("tokenizer model '{}' is not supported, expected "
                                     "BPE, Unigram, WordPiece or WordLevel",
                                     name));
}

}  // namespace cutaway::tokenizer
