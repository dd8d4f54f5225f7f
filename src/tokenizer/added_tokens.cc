#include "tokenizer/added_tokens.h"

#include <algorithm>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {

bool LongestMatcher::add(std::string_view text, std::uint32_t value) {
  std::uint32_t node = 0;
  for (const char byte : text) {
    const std::uint64_t key =
        static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(byte);
    const auto [child, is_new] = children_.try_emplace(key, nodes_);
    if (is_new) {
      ++nodes_;
      values_.push_back(kNone);
    }
    node = child->second;
  }
  if (node == 0 || values_[node] != kNone) return false;
  values_[node] = value;
  starts_[static_cast<unsigned char>(text.front())] = true;
  return true;
}

LongestMatcher::Found LongestMatcher::find(std::string_view text, std::size_t from) const noexcept {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    Found found{begin, 0, kNone};
    std::uint32_t node = 0;
    for (std::size_t pos = begin; pos < text.size(); ++pos) {
      const auto child = children_.find(static_cast<std::uint64_t>(node) << 8 |
                                        static_cast<unsigned char>(text[pos]));
      if (child == children_.end()) break;
      node = child->second;
      if (values_[node] != kNone) found = {begin, pos + 1, values_[node]};
    }
    if (found.end != 0) return found;
  }
  return {0, 0, kNone};
}

void AddedTokens::add(AddedToken token) {
  const auto [at, is_new] = by_content_.try_emplace(token.content, tokens_.size());
  if (!is_new) {
    tokens_[at->second] = std::move(token);
    return;
  }
  by_id_.emplace(token.id, tokens_.size());
  tokens_.push_back(std::move(token));
}

std::string AddedTokens::build() {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    const bool added =
        token.normalized ? normalized_.add(token.normalized_content, static_cast<std::uint32_t>(i))
                         : raw_.add(token.content, static_cast<std::uint32_t>(i));
    if (!added) return token.content;
  }
  return {};
}

const AddedToken* AddedTokens::find(TokenId id) const noexcept {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : &tokens_[at->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const noexcept {
  const auto at = by_content_.find(std::string(content));
  return at == by_content_.end() ? nullptr : &tokens_[at->second];
}

namespace {

bool is_single_word(std::string_view text, std::size_t begin, std::size_t end) noexcept {
  if (begin > 0) {
    std::size_t at = begin;
    if (is(previous_code_point(text, at), kWord)) return false;
  }
  if (end < text.size()) {
    std::size_t at = end;
    if (is(next_code_point(text, at), kWord)) return false;
  }
  return true;
}

}  // namespace

void AddedTokens::extract(Pieces& pieces, bool normalized) const {
  const LongestMatcher& matcher = normalized ? normalized_ : raw_;
  if (matcher.empty()) return;
  std::vector<Piece> out;
  out.reserve(pieces.pieces.size());
  for (const Piece& piece : pieces.pieces) {
    if (piece.token != kNoToken) {
      out.push_back(piece);
      continue;
    }
    const std::string_view text = pieces.view(piece);
    std::size_t done = 0;
    const auto cut = [&](std::size_t begin, std::size_t end, TokenId token) {
      if (begin >= end) return;
      out.push_back({piece.begin + static_cast<std::uint32_t>(begin),
                     piece.begin + static_cast<std::uint32_t>(end), token});
    };
    for (std::size_t from = 0; from < text.size();) {
      const LongestMatcher::Found found = matcher.find(text, from);
      if (found.end == 0) break;
      from = found.end;  // what a match covers is not looked at again, even if it is discarded
      const AddedToken& token = tokens_[found.value];
      if (token.single_word && !is_single_word(text, found.begin, found.end)) continue;
      std::size_t begin = found.begin;
      std::size_t end = found.end;
      if (token.lstrip) {
        std::size_t at = begin;
        while (begin > done && is(previous_code_point(text, at), kSpace)) begin = at;
        begin = std::max(begin, std::min(done, end));
      }
      if (token.rstrip) {
        std::size_t at = end;
        while (end < text.size() && is(next_code_point(text, at), kSpace)) end = at;
      }
      cut(done, begin, kNoToken);
      cut(begin, end, token.id);
      done = end;
    }
    cut(done, text.size(), kNoToken);
  }
  pieces.pieces = std::move(out);
}

void add_tokens(Tokenizer::Impl& impl, std::vector<AddedToken> tokens, std::string_view where) {
  const Vocabulary& vocabulary = impl.model.vocabulary();
  std::size_t next = vocabulary.size();
  for (AddedToken& token : tokens) {
    std::int64_t expected = static_cast<std::int64_t>(next);
    if (const auto known = impl.id(token.content)) {
      expected = *known;
    } else {
      ++next;
    }
    if (token.id != expected || (impl.added.find(token.id) != nullptr &&
                                 impl.added.find(token.id)->content != token.content)) {
      throw FormatError(impl.origin,
                        fmt::format("{}: '{}' has the id {}, expected {}: the model's id of that "
                                    "piece, or the next behind the vocabulary",
                                    where, token.content, token.id, expected));
    }
    if (token.id == expected && !vocabulary.find(token.content) && vocabulary.has(token.id)) {
      throw FormatError(impl.origin,
                        fmt::format("{}: '{}' has the id {}, which is also that of "
                                    "'{}'",
                                    where, token.content, token.id, vocabulary.piece(token.id)));
    }
    if (token.normalized) token.normalized_content = normalized(impl.normalizers, token.content);
    impl.added.add(std::move(token));
  }
  if (const std::string twice = impl.added.build(); !twice.empty()) {
    throw FormatError(impl.origin,
                      fmt::format("{}: '{}' looks like another added token in the text "
                                  "(or like nothing)",
                                  where, twice));
  }
  impl.vocab_size = next;
}

}  // namespace cutaway::tokenizer
