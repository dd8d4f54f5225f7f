#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

// Below this many symbols, looking through all pairs for each merge beats a heap.
constexpr std::size_t kShortWord = 48;

constexpr std::uint32_t kEnd = 0xFFFFFFFFU;

}  // namespace

Bpe::Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options)
    : vocabulary_(std::move(vocabulary)), merges_(std::move(merges)), options_(std::move(options)) {
  if (!options_.unk_token.empty()) {
    unk_ = vocabulary_.find(options_.unk_token).value_or(kAbsent);
  }
  all_bytes_ = true;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte)).value_or(kAbsent);
    all_bytes_ = all_bytes_ && byte_ids_[byte] != kAbsent;
  }
  for (char32_t c = 0; c < short_ids_.size(); ++c) {
    std::string piece;
    append_utf8(piece, c);
    short_ids_[c] = vocabulary_.find(piece).value_or(kAbsent);
  }
  find_joints();
}

// Pieces must be spelled by the text that they stand for, or a merge could reach where its
// characters do not show: so no prefix and suffix, and no merge of byte or unknown tokens. With
// ignore_merges, a whole word can be a token that no merges give.
void Bpe::find_joints() {
  if (options_.ignore_merges || !options_.continuing_subword_prefix.empty() ||
      !options_.end_of_word_suffix.empty()) {
    return;
  }
  std::vector<bool> has_other_text(vocabulary_.id_end());
  const auto mark = [&](TokenId id) {
    if (id != kAbsent) has_other_text[static_cast<std::size_t>(id)] = true;
  };
  mark(unk_);
  if (options_.byte_fallback) std::for_each(byte_ids_.begin(), byte_ids_.end(), mark);
  joints_.reserve(merges_.slots());
  has_parts_ = true;
  merges_.for_each([&](TokenId left, TokenId right) {
    has_parts_ = has_parts_ && !has_other_text[static_cast<std::size_t>(left)] &&
                 !has_other_text[static_cast<std::size_t>(right)];
    const std::string& first = vocabulary_.piece(left);
    const std::string& second = vocabulary_.piece(right);
    std::size_t end = first.size();
    std::size_t begin = 0;
    joints_.add(previous_code_point(first, end), next_code_point(second, begin));
  });
}

std::size_t Bpe::part_end(std::string_view word, std::size_t begin) const noexcept {
  std::size_t at = begin;
  std::size_t last_begin = begin;
  char32_t last = next_code_point(word, at);
  while (at < word.size()) {
    const std::size_t next_begin = at;
    const char32_t next = next_code_point(word, at);
    // A character without an id may be part of a longer unknown token.
    if (!joints_.has(last, next) &&
        id_of(word.substr(last_begin, next_begin - last_begin)) != kAbsent) {
      return next_begin;
    }
    last = next;
    last_begin = next_begin;
  }
  return word.size();
}

TokenId Bpe::id_of(std::string_view code_point) const noexcept {
  if (code_point.size() <= 2) {
    std::size_t pos = 0;
    const char32_t c = next_code_point(code_point, pos);
    if (c < short_ids_.size()) return short_ids_[c];
  }
  return vocabulary_.find(code_point).value_or(kAbsent);
}

std::string_view Bpe::decorated(std::string_view code_point, bool is_first, bool is_last,
                                std::string& buffer) const {
  const std::string& prefix = options_.continuing_subword_prefix;
  const std::string& suffix = options_.end_of_word_suffix;
  if ((is_first || prefix.empty()) && (!is_last || suffix.empty())) return code_point;
  buffer.assign(is_first ? "" : prefix).append(code_point).append(is_last ? suffix : "");
  return buffer;
}

void Bpe::split(std::string_view word, std::vector<Symbol>& symbols) const {
  symbols.clear();
  std::string buffer;
  std::uint32_t pending_unk = 0;  // bytes of the unknown token that is not yet written
  for (std::size_t pos = 0; pos < word.size();) {
    const std::size_t length = utf8_length(word[pos]);
    const std::string_view code_point =
        decorated(word.substr(pos, length), pos == 0, pos + length == word.size(), buffer);
    pos += length;
    const TokenId id = id_of(code_point);
    if (id != kAbsent) {
      if (pending_unk > 0) symbols.push_back({unk_, pending_unk});
      pending_unk = 0;
      symbols.push_back({id, static_cast<std::uint32_t>(length)});
      continue;
    }
    if (options_.byte_fallback) {
      const auto byte_id = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
      if (all_bytes_ || std::all_of(code_point.begin(), code_point.end(),
                                    [&](char byte) { return byte_id(byte) != kAbsent; })) {
        // An unknown token that waits stays behind these bytes: tokenizers' order.
        for (const char byte : code_point) symbols.push_back({byte_id(byte), 1});
        continue;
      }
    }
    if (options_.unk_token.empty()) continue;
    if (unk_ == kAbsent) {
      throw ArgumentError("text", fmt::format("'{}' needs the unknown token '{}', which the "
                                              "tokenizer's vocabulary does not have",
                                              code_point, options_.unk_token));
    }
    if (pending_unk > 0 && !options_.fuse_unk) {
      symbols.push_back({unk_, pending_unk});
      pending_unk = 0;
    }
    pending_unk += static_cast<std::uint32_t>(length);
  }
  if (pending_unk > 0) symbols.push_back({unk_, pending_unk});
}

void Bpe::merge_short(std::vector<Symbol>& symbols, std::vector<MergeTable::Merge>& pairs) const {
  // pairs[i] is the merge of symbols i and i + 1.
  pairs.clear();
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
    pairs.push_back(merges_.find(symbols[i].id, symbols[i + 1].id));
  }
  while (!pairs.empty()) {
    const auto best = std::min_element(pairs.begin(), pairs.end(),
                                       [](auto& a, auto& b) { return a.rank < b.rank; });
    if (best->rank == MergeTable::kNoRank) return;
    const auto at = static_cast<std::size_t>(best - pairs.begin());
    symbols[at] = {best->id, symbols[at].length + symbols[at + 1].length};
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    pairs.erase(best);
    if (at > 0) pairs[at - 1] = merges_.find(symbols[at - 1].id, symbols[at].id);
    if (at < pairs.size()) pairs[at] = merges_.find(symbols[at].id, symbols[at + 1].id);
  }
}

void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  auto& previous = scratch.previous_;
  auto& next = scratch.next_;
  auto& heap = scratch.heap_;
  const std::size_t count = symbols.size();
  previous.resize(count);
  next.resize(count);
  heap.clear();
  for (std::size_t i = 0; i < count; ++i) {
    previous[i] = i == 0 ? kEnd : static_cast<std::uint32_t>(i - 1);
    next[i] = i + 1 == count ? kEnd : static_cast<std::uint32_t>(i + 1);
    if (i + 1 == count) break;
    const MergeTable::Merge merge = merges_.find(symbols[i].id, symbols[i + 1].id);
    if (merge.rank != MergeTable::kNoRank) {
      heap.push_back({merge.rank, static_cast<std::uint32_t>(i), merge.id});
    }
  }
  std::make_heap(heap.begin(), heap.end());
  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    const MergeTable::Merge merge = merges_.find(symbols[left].id, symbols[right].id);
    if (merge.rank == MergeTable::kNoRank) return;
    heap.push_back({merge.rank, left, merge.id});
    std::push_heap(heap.begin(), heap.end());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Scratch::Candidate candidate = heap.back();
    heap.pop_back();
    const std::uint32_t left = candidate.position;
    const std::uint32_t right = next[left];
    if (symbols[left].length == 0 || right == kEnd) continue;
    // One of the two may have grown since: a grown pair merges into a longer piece, or nothing.
    const MergeTable::Merge merge = merges_.find(symbols[left].id, symbols[right].id);
    if (merge.rank == MergeTable::kNoRank || merge.id != candidate.id) continue;
    symbols[left] = {merge.id, symbols[left].length + symbols[right].length};
    symbols[right].length = 0;
    next[left] = next[right];
    if (next[left] != kEnd) previous[next[left]] = left;
    if (previous[left] != kEnd) offer(previous[left], left);
    if (next[left] != kEnd) offer(left, next[left]);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.length == 0; });
}

void Bpe::tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const {
  if (options_.ignore_merges) {
    if (const auto whole = vocabulary_.find(word)) {
      out.push_back({*whole, 0, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  split(word, scratch.symbols_);
  if (scratch.symbols_.size() <= kShortWord) {
    merge_short(scratch.symbols_, scratch.pairs_);
  } else {
    merge_long(scratch);
  }
  // A suffix that falls back to bytes gives tokens that stand for nothing of the text.
  const auto size = static_cast<std::uint32_t>(word.size());
  std::uint32_t begin = 0;
  for (const Symbol& symbol : scratch.symbols_) {
    const std::uint32_t end = std::min(begin + symbol.length, size);
    out.push_back({symbol.id, begin, end});
    begin = end;
  }
}

}  // namespace cutaway::tokenizer
