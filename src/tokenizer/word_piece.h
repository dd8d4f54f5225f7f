// WordPiece (Schuster 2012), longest match first; and WordLevel, whole words only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/trie.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_cache.h"

namespace cutaway::tokenizer {

class WordPiece {
 public:
  struct Options {
    std::string unk_token = "[UNK]";
    std::string prefix = "##";       ///< of pieces inside a word
    std::size_t longest_word = 100;  ///< code points; a longer word is unknown
  };
  WordPiece(Vocabulary vocabulary, Options options);

  /// Appends the tokens of `word` (not empty, valid UTF-8). Time is linear in its length times that
  /// of the longest piece. throws ArgumentError if it needs the unknown token and there is none.
  void tokenize(std::string_view word, std::vector<Token>& out) const;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  Options options_;
  std::optional<TokenId> unk_;
  Trie trie_;
  std::uint32_t inside_ = Trie::kRoot;  // behind the prefix; kNowhere if no piece has it
};

class WordLevel {
 public:
  WordLevel(Vocabulary vocabulary, std::string unk_token);

  /// One token. throws ArgumentError if it is not known and there is no unknown token.
  void tokenize(std::string_view word, std::vector<Token>& out) const;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  std::string unk_token_;
  std::optional<TokenId> unk_;
};

}  // namespace cutaway::tokenizer
