// The part of a tokenizer that knows the vocabulary: words in, ids out.
#pragma once

#include <utility>
#include <variant>

#include "tokenizer/bpe.h"
#include "tokenizer/unigram.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/word_piece.h"

namespace cutaway::tokenizer {

class TokenModel {
 public:
  TokenModel(Bpe model) : model_(std::move(model)) {}
  TokenModel(Unigram model) : model_(std::move(model)) {}
  TokenModel(WordPiece model) : model_(std::move(model)) {}
  TokenModel(WordLevel model) : model_(std::move(model)) {}

  /// Working memory of one call of encode.
  struct Scratch {
    explicit Scratch(std::size_t expected_words) : cache(expected_words) {}
    WordCache cache;
    Bpe::Scratch bpe;
    Unigram::Scratch unigram;
  };

  /// Appends the tokens of `word` (not empty, valid UTF-8, alive as long as `scratch`).
  void tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const;

  const Vocabulary& vocabulary() const noexcept;
  /// The id whose tokens are shown as they stand in the text, not as in the vocabulary.
  std::optional<TokenId> shown_as_text() const noexcept;

 private:
  void tokenize_whole(std::string_view word, Scratch& scratch, std::vector<Token>& out) const;
  std::variant<Bpe, Unigram, WordPiece, WordLevel> model_;
};

}  // namespace cutaway::tokenizer
