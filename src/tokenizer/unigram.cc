#include "tokenizer/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr double kUnkPenalty = 10.0;
constexpr std::uint32_t kUnreached = 0xFFFFFFFFU;

}  // namespace

Unigram::Unigram(Vocabulary vocabulary, std::vector<double> scores, std::optional<TokenId> unk,
                 bool byte_fallback)
    : vocabulary_(std::move(vocabulary)),
      scores_(std::move(scores)),
      unk_(unk),
      byte_fallback_(byte_fallback) {
  double least = std::numeric_limits<double>::infinity();
  for (const double score : scores_) least = std::min(least, score);
  unk_score_ = least - kUnkPenalty;
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
  }
  std::vector<std::pair<std::string_view, std::int32_t>> entries;
  entries.reserve(vocabulary_.size());
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const std::string& piece = vocabulary_.piece(static_cast<TokenId>(id));
    // Of a piece that stands twice the last one counts.
    if (piece.empty() || vocabulary_.find(piece) != static_cast<TokenId>(id)) continue;
    entries.emplace_back(piece, static_cast<std::int32_t>(id));
  }
  trie_ = Trie(std::move(entries));
}

void Unigram::find_best(std::string_view word, Scratch& scratch) const {
  auto& nodes = scratch.nodes;
  nodes.assign(word.size() + 1, {0.0, kNoUnk, kUnreached});
  for (std::size_t begin = 0; begin < word.size();) {
    const double so_far = nodes[begin].score;
    const auto offer = [&](std::size_t end, TokenId id, double score) {
      Scratch::Node& node = nodes[end];
      const double sum = score + so_far;
      if (node.begin == kUnreached || sum > node.score) {
        node = {sum, id, static_cast<std::uint32_t>(begin)};
      }
    };
    const std::size_t first_end = begin + utf8_length(word[begin]);
    bool has_single = false;
    std::uint32_t state = Trie::kRoot;
    for (std::size_t end = begin; end < word.size();) {
      state = trie_.step(state, word[end]);
      if (state == Trie::kNowhere) break;
      ++end;
      const TokenId id = trie_.value(state);
      if (id == Trie::kNoValue) continue;
      offer(end, id, scores_[static_cast<std::size_t>(id)]);
      has_single = has_single || end == first_end;
    }
    if (!has_single) offer(first_end, unk_.value_or(kNoUnk), unk_score_);
    begin = first_end;
  }
}

void Unigram::append(std::string_view word, std::uint32_t begin, std::uint32_t end, TokenId id,
                     std::vector<Token>& out) const {
  if (unk_ && id == *unk_) {
    const std::string_view text = word.substr(begin, end - begin);
    if (const auto known = vocabulary_.find(text)) {
      id = *known;
    } else if (byte_fallback_ && std::all_of(text.begin(), text.end(), [&](char byte) {
                 return byte_ids_[static_cast<unsigned char>(byte)].has_value();
               })) {
      for (const char byte : text) {
        out.push_back({*byte_ids_[static_cast<unsigned char>(byte)], begin, end});
      }
      return;
    }
  }
  out.push_back({id, begin, end});
}

void Unigram::tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const {
  find_best(word, scratch);
  // The path is followed backwards, and the links turned round on the way.
  auto& nodes = scratch.nodes;
  auto at = static_cast<std::uint32_t>(word.size());
  std::uint32_t next = at;
  while (at > 0) {
    const std::uint32_t begin = nodes[at].begin;
    nodes[at].begin = next;  // where the piece behind this one ends
    next = at;
    at = begin;
  }
  std::uint32_t begin = 0;
  std::uint32_t unknown = 0;  // where the unknown token that is not yet written begins
  bool is_unknown = false;
  const auto size = static_cast<std::uint32_t>(word.size());
  for (std::uint32_t end = next; begin < size;) {
    const TokenId id = nodes[end].id;
    if (id == kNoUnk) {
      throw ArgumentError("text", fmt::format("'{}' needs the unknown token, which the tokenizer's "
                                              "vocabulary does not have",
                                              word.substr(begin, end - begin)));
    }
    if (unk_ && id == *unk_) {
      if (!is_unknown) unknown = begin;
      is_unknown = true;
    } else {
      if (is_unknown) append(word, unknown, begin, *unk_, out);
      is_unknown = false;
      append(word, begin, end, id, out);
    }
    begin = end;
    end = nodes[end].begin;
  }
  if (is_unknown) append(word, unknown, size, *unk_, out);
}

}  // namespace cutaway::tokenizer
