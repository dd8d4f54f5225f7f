// Vocabularies of byte strings by rank: Mistral's tekken.json and tiktoken's lists.
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/base64.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/derived_merges.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/tokenizer_impl.h"

namespace cutaway::tokenizer {
namespace {

using io::Json;

/// The vocabulary as it grows. Byte strings are spelled as GPT-2 does, since they need not be text.
class Ranks {
 public:
  Ranks(const std::string& origin, std::size_t entries) : origin_(origin), entries_(entries) {
    vocabulary_.reserve(entries);
  }

  void add_bytes(std::string_view bytes, std::int64_t id, std::string_view where) {
    std::string piece;
    for (const char byte : bytes) piece += byte_to_piece(static_cast<unsigned char>(byte));
    add(std::move(piece), id, where, 0.0);
  }
  void add_special(std::string name, std::int64_t id, std::string_view where) {
    add(std::move(name), id, where, kNeverMerges);
  }

  std::shared_ptr<Tokenizer::Impl> finish(Pattern pattern) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (!vocabulary_.find(byte_to_piece(static_cast<unsigned char>(byte)))) {
        throw FormatError(origin_, fmt::format("has no token for the byte 0x{:02X} alone", byte));
      }
    }
    MergeTable merges = rank_merges(vocabulary_, scores_, origin_);
    BpeOptions options;
    options.ignore_merges = true;  // a word that is a token is that token
    auto impl = std::make_shared<Tokenizer::Impl>(
        origin_, Bpe(std::move(vocabulary_), std::move(merges), std::move(options)));
    impl->pre_tokenizers.emplace_back(PatternSplit{std::move(pattern)});
    impl->pre_tokenizers.emplace_back(ByteLevelSplit{false, false});
    impl->has_decoder = true;
    impl->decoders.emplace_back(ByteLevelDecoder{});
    return impl;
  }

 private:
  void add(std::string piece, std::int64_t id, std::string_view where, double score) {
    const std::int64_t largest = Vocabulary::largest_id(entries_);
    if (piece.empty()) throw FormatError(origin_, fmt::format("{} is an empty token", where));
    if (id < 0 || id > largest) {
      throw FormatError(origin_, fmt::format("{} has the id {}, expected 0 to {} for {} tokens",
                                             where, id, largest, entries_));
    }
    const auto token = static_cast<TokenId>(id);
    const std::string copy = piece;
    const auto added = vocabulary_.add(std::move(piece), token);
    if (added == Vocabulary::Added::kIdExists) {
      throw FormatError(origin_, fmt::format("{} has the id {}, which is also that of '{}'", where,
                                             id, vocabulary_.piece(token)));
    }
    if (added == Vocabulary::Added::kPieceExists) {
      throw FormatError(origin_, fmt::format("{} is '{}' a second time", where, copy));
    }
    if (scores_.size() <= static_cast<std::size_t>(id))
      scores_.resize(static_cast<std::size_t>(id) + 1);
    scores_[static_cast<std::size_t>(id)] = score;
  }

  const std::string& origin_;
  std::size_t entries_;
  Vocabulary vocabulary_;
  std::vector<double> scores_;
};

// The special tokens of files from before they were written down.
constexpr std::array<std::string_view, 20> kOldSpecialTokens = {"<unk>",
                                                                "<s>",
                                                                "</s>",
                                                                "[INST]",
                                                                "[/INST]",
                                                                "[AVAILABLE_TOOLS]",
                                                                "[/AVAILABLE_TOOLS]",
                                                                "[TOOL_RESULTS]",
                                                                "[/TOOL_RESULTS]",
                                                                "[TOOL_CALLS]",
                                                                "[IMG]",
                                                                "<pad>",
                                                                "[IMG_BREAK]",
                                                                "[IMG_END]",
                                                                "[PREFIX]",
                                                                "[MIDDLE]",
                                                                "[SUFFIX]",
                                                                "[SYSTEM_PROMPT]",
                                                                "[/SYSTEM_PROMPT]",
                                                                "[TOOL_CONTENT]"};

std::vector<AddedToken> special_tokens(const Json& json, std::size_t count) {
  std::vector<AddedToken> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].id = static_cast<TokenId>(i);
    out[i].special = true;
  }
  const Json* list = json.find("special_tokens");
  if (list == nullptr || list->is_null()) {
    for (std::size_t i = 0; i < std::min(count, kOldSpecialTokens.size()); ++i) {
      out[i].content = kOldSpecialTokens[i];
    }
  } else {
    for (const Json& item : list->items()) {
      const TokenId id = token_id(item.at("rank"));
      if (static_cast<std::size_t>(id) >= count) {
        fail(item.at("rank"), fmt::format("is {}, expected one of {} special tokens", id, count));
      }
      out[static_cast<std::size_t>(id)].content = item.at("token_str").as_string();
    }
  }
  for (AddedToken& token : out) {
    if (token.content.empty()) token.content = fmt::format("<SPECIAL_{}>", token.id);
  }
  return out;
}

struct PublishedList {
  std::size_t tokens;
  KnownPattern pattern;
};
// By its length, since a list says nothing about itself: r50k (GPT-2), cl100k (GPT-4), Llama 3,
// Qwen, o200k (GPT-4o).
constexpr std::array<PublishedList, 5> kPublishedLists = {{
    {50256, KnownPattern::kGpt2},
    {100256, KnownPattern::kCl100k},
    {128000, KnownPattern::kCl100k},
    {151643, KnownPattern::kQwen2},
    {199998, KnownPattern::kO200k},
}};

}  // namespace

std::shared_ptr<const Tokenizer::Impl> parse_tekken(const Json& json, const std::string& origin) {
  const Json& config = json.at("config");
  const auto items = json.at("vocab").items();
  const std::size_t specials = count(config.at("default_num_special_tokens"));
  const std::size_t total = count(config.at("default_vocab_size"));
  constexpr std::size_t kMostSpecials = 65536;
  if (specials > total || specials > kMostSpecials || total - specials > items.size()) {
    fail(config, fmt::format("says {} tokens, {} of them special, but 'vocab' has {}", total,
                             specials, items.size()));
  }
  Ranks ranks(origin, total);
  std::vector<AddedToken> added = special_tokens(json, specials);
  for (const AddedToken& token : added) {
    ranks.add_special(token.content, token.id, fmt::format("special token {}", token.id));
  }
  // The list may be longer than what the model uses.
  for (const Json& item : items.first(total - specials)) {
    const Json& field = item.at("token_bytes");
    const auto bytes = decode_base64(field.as_string());
    if (!bytes) fail(field, "is not base64");
    const TokenId rank = token_id(item.at("rank"));
    ranks.add_bytes(*bytes, std::int64_t{rank} + static_cast<std::int64_t>(specials),
                    fmt::format("field '{}'", item.where()));
  }
  const Json& expression = config.at("pattern");
  const auto known = find_pattern(expression.as_string());
  auto impl = ranks.finish(
      known ? Pattern(*known)
            : Pattern(Regex::compile(expression.as_string(), origin, expression.where())));
  add_tokens(*impl, std::move(added), "special tokens");
  impl->bos = impl->id("<s>");
  impl->eos = impl->id("</s>");
  if (impl->bos) {
    Template begin;
    begin.parts.push_back({false, {*impl->bos}, {"<s>"}});
    begin.parts.push_back({true, {}, {}});
    impl->post_processors.emplace_back(std::move(begin));
  }
  return impl;
}

std::shared_ptr<const Tokenizer::Impl> parse_tiktoken(std::string_view text,
                                                      const std::string& origin,
                                                      std::optional<KnownPattern> pattern) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(line);
    at = end + 1;
  }
  if (lines.empty()) throw FormatError(origin, "has no tokens");
  Ranks ranks(origin, lines.size());
  std::size_t number = 0;
  for (const std::string_view line : lines) {
    const std::string where = fmt::format("entry {}", ++number);
    const std::size_t space = line.find(' ');
    const std::string_view digits = space == line.npos ? "" : line.substr(space + 1);
    std::int64_t rank = -1;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    const auto bytes = decode_base64(line.substr(0, std::min(space, line.size())));
    if (!bytes || digits.empty() || result.ec != std::errc{} ||
        result.ptr != digits.data() + digits.size()) {
      throw FormatError(origin,
                        fmt::format("{} is no token in base64, a space and its rank", where));
    }
    ranks.add_bytes(*bytes, rank, where);
  }
  for (const PublishedList& list : kPublishedLists) {
    if (!pattern && list.tokens == lines.size()) pattern = list.pattern;
  }
  if (!pattern) {
    throw UnsupportedError(origin, fmt::format("has {} tokens, which is no published list whose "
                                               "pattern is known, expected a tokenizer.json",
                                               lines.size()));
  }
  auto impl = ranks.finish(*pattern);
  add_tokens(*impl, {}, "special tokens");
  return impl;
}

}  // namespace cutaway::tokenizer
