#include "tokenizer/word_piece.h"

#include <algorithm>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr TokenId kNoPiece = -1;

TokenId unknown(std::optional<TokenId> unk, std::string_view word, const std::string& name) {
  if (unk) return *unk;
  throw ArgumentError("text",
                      fmt::format("'{}' needs the unknown token '{}', which the tokenizer's "
                                  "vocabulary does not have",
                                  word.substr(0, 64), name));
}

}  // namespace

WordPiece::WordPiece(Vocabulary vocabulary, Options options)
    : vocabulary_(std::move(vocabulary)),
      options_(std::move(options)),
      unk_(vocabulary_.find(options_.unk_token)) {
  std::vector<std::pair<std::string_view, std::int32_t>> entries;
  entries.reserve(vocabulary_.size());
  for (std::size_t id = 0; id < vocabulary_.id_end(); ++id) {
    const auto token = static_cast<TokenId>(id);
    if (!vocabulary_.has(token) || vocabulary_.piece(token).empty()) continue;
    entries.emplace_back(vocabulary_.piece(token), token);
  }
  trie_ = Trie(std::move(entries));
  for (const char byte : options_.prefix) {
    if (inside_ != Trie::kNowhere) inside_ = trie_.step(inside_, byte);
  }
}

void WordPiece::tokenize(std::string_view word, std::vector<Token>& out) const {
  const auto size = static_cast<std::uint32_t>(word.size());
  const auto is_lead = [](char byte) { return !is_continuation(byte); };
  if (word.size() > options_.longest_word &&
      static_cast<std::size_t>(std::count_if(word.begin(), word.end(), is_lead)) >
          options_.longest_word) {
    out.push_back({unknown(unk_, word, options_.unk_token), 0, size});
    return;
  }
  const std::size_t before = out.size();
  for (std::uint32_t begin = 0; begin < size;) {
    std::uint32_t state = begin == 0 ? Trie::kRoot : inside_;
    Token longest{kNoPiece, begin, begin};
    for (std::uint32_t at = begin; at < size && state != Trie::kNowhere;) {
      state = trie_.step(state, word[at]);
      if (state == Trie::kNowhere) break;
      ++at;
      if (trie_.value(state) != Trie::kNoValue) longest = {trie_.value(state), begin, at};
    }
    if (longest.id == kNoPiece) {
      out.resize(before);
      out.push_back({unknown(unk_, word, options_.unk_token), 0, size});
      return;
    }
    out.push_back(longest);
    begin = longest.end;
  }
}

WordLevel::WordLevel(Vocabulary vocabulary, std::string unk_token)
    : vocabulary_(std::move(vocabulary)),
      unk_token_(std::move(unk_token)),
      unk_(vocabulary_.find(unk_token_)) {}

void WordLevel::tokenize(std::string_view word, std::vector<Token>& out) const {
  const auto id = vocabulary_.find(word);
  out.push_back(
      {id ? *id : unknown(unk_, word, unk_token_), 0, static_cast<std::uint32_t>(word.size())});
}

}  // namespace cutaway::tokenizer
