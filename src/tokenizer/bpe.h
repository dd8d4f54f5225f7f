// Byte-pair encoding of one word: code points to ids, then merges by rank.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/merges.h"
#include "tokenizer/vocabulary.h"

namespace cutaway::tokenizer {

/// A token of a word; bytes [begin, end) of the word.
struct Token {
  TokenId id;
  std::uint32_t begin;
  std::uint32_t end;
};

struct BpeOptions {
  std::string unk_token;  ///< empty: a code point that has no id vanishes, as in tokenizers
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

/// The model proper (Sennrich 2016), with the corner cases of tokenizers' BPE.
class Bpe {
 public:
  Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options);

  /// Working memory, and the words already seen in one call of encode.
  class Scratch;

  /// Appends the tokens of `word` (not empty, valid UTF-8, alive as long as `scratch`). Time is
  /// O(n log n) in its length, so a megabyte of one letter is no problem.
  /// throws ArgumentError if a code point needs the unknown token and the vocabulary lacks it.
  void tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  Vocabulary& vocabulary() noexcept { return vocabulary_; }
  const BpeOptions& options() const noexcept { return options_; }

 private:
  struct Symbol {
    TokenId id;
    std::uint32_t length;  // bytes; 0 once merged into its left neighbour
  };

  TokenId id_of(std::string_view code_point) const noexcept;
  void split(std::string_view word, std::vector<Symbol>& symbols) const;
  void merge_short(std::vector<Symbol>& symbols, std::vector<MergeTable::Merge>& pairs) const;
  void merge_long(Scratch& scratch) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  BpeOptions options_;
  TokenId unk_ = kAbsent;
  bool all_bytes_ = false;                  // every "<0xNN>" exists
  std::array<TokenId, 256> byte_ids_{};     // of "<0xNN>"
  std::array<TokenId, 0x180> short_ids_{};  // of one-code-point pieces; byte-level ones are here
  static constexpr TokenId kAbsent = -1;
};

class Bpe::Scratch {
 public:
  /// `expected_words` sizes the cache.
  explicit Scratch(std::size_t expected_words);

 private:
  friend class Bpe;
  struct Entry {
    std::uint64_t hash = 0;
    const char* word = nullptr;
    std::uint32_t length = 0;
    std::uint32_t first = 0;  // index into tokens_
    std::uint32_t count = 0;
  };
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t position;
    TokenId id;
    // For a max-heap that gives the lowest rank first, the leftmost of equals.
    bool operator<(const Candidate& other) const noexcept {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  std::vector<Entry> cache_;  // direct mapped: a collision forgets the older word
  std::vector<Token> tokens_;
  std::vector<Symbol> symbols_;
  std::vector<MergeTable::Merge> pairs_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> next_;
  std::vector<Candidate> heap_;
};

}  // namespace cutaway::tokenizer
