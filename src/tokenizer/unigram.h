// Unigram (Kudo 2018): the cut of a word into pieces with the largest sum of log-probabilities.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/trie.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_cache.h"

namespace cutaway::tokenizer {

/// As in tokenizers: sums in double precision from the left, the first of equal ones wins, a code
/// point without a piece costs the smallest score minus ten, and neighbouring unknowns are one
/// token.
class Unigram {
 public:
  /// `scores` has one finite number an id of `vocabulary`, whose ids have no holes. `unk`, if there
  /// is one, is in the vocabulary.
  Unigram(Vocabulary vocabulary, std::vector<double> scores, std::optional<TokenId> unk,
          bool byte_fallback);

  struct Scratch {
    struct Node {
      double score;
      TokenId id;
      std::uint32_t begin;  // of the piece that ends here; kUnreached if none does
    };
    std::vector<Node> nodes;
  };

  /// Appends the tokens of `word` (not empty, valid UTF-8). Time is linear in its length times that
  /// of the longest piece. throws ArgumentError if it needs the unknown token and there is none.
  void tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  /// Its tokens are spelled as they stand in the text.
  std::optional<TokenId> unk() const noexcept { return unk_; }

 private:
  static constexpr TokenId kNoUnk = -1;
  void find_best(std::string_view word, Scratch& scratch) const;
  void append(std::string_view word, std::uint32_t begin, std::uint32_t end, TokenId id,
              std::vector<Token>& out) const;

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  std::optional<TokenId> unk_;
  double unk_score_ = 0.0;
  bool byte_fallback_ = false;
  std::array<std::optional<TokenId>, 256> byte_ids_{};  // of "<0xNN>"
  Trie trie_;
};

}  // namespace cutaway::tokenizer
