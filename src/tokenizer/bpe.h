// Byte-pair encoding of one word: code points to ids, then merges by rank.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/joints.h"
#include "tokenizer/merges.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_cache.h"

namespace cutaway::tokenizer {

struct BpeOptions {
  std::string unk_token;  ///< empty: a code point that has no id vanishes, as in tokenizers
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  std::string continuing_subword_prefix;  ///< of all code points of a word but the first
  std::string end_of_word_suffix;         ///< of its last
};

/// The model proper (Sennrich 2016), with the corner cases of tokenizers' BPE.
class Bpe {
 public:
  Bpe(Vocabulary vocabulary, MergeTable merges, BpeOptions options);

  class Scratch;  ///< working memory

  /// Appends the tokens of `word` (not empty, valid UTF-8). Time is
  /// O(n log n) in its length, so a megabyte of one letter is no problem.
  /// throws ArgumentError if a code point needs the unknown token and the vocabulary lacks it.
  void tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const;

  /// The end of the part of `word` from `begin` that can be tokenized by itself: the tokens of the
  /// word are those of its parts. A space mark usually starts one, even where no pre-tokenizer
  /// cuts.
  std::size_t part_end(std::string_view word, std::size_t begin) const noexcept;
  bool has_parts() const noexcept { return has_parts_; }

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  Vocabulary& vocabulary() noexcept { return vocabulary_; }
  const BpeOptions& options() const noexcept { return options_; }

 private:
  struct Symbol {
    TokenId id;
    std::uint32_t length;  // bytes; 0 once merged into its left neighbour
  };

  void find_joints();
  TokenId id_of(std::string_view code_point) const noexcept;
  std::string_view decorated(std::string_view code_point, bool is_first, bool is_last,
                             std::string& buffer) const;
  void split(std::string_view word, std::vector<Symbol>& symbols) const;
  void merge_short(std::vector<Symbol>& symbols, std::vector<MergeTable::Merge>& pairs) const;
  void merge_long(Scratch& scratch) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  Joints joints_;
  bool has_parts_ = false;
  BpeOptions options_;
  TokenId unk_ = kAbsent;
  bool all_bytes_ = false;                  // every "<0xNN>" exists
  std::array<TokenId, 256> byte_ids_{};     // of "<0xNN>"
  std::array<TokenId, 0x180> short_ids_{};  // of one-code-point pieces; byte-level ones are here
  static constexpr TokenId kAbsent = -1;
};

class Bpe::Scratch {
 private:
  friend class Bpe;
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t position;
    TokenId id;
    // For a max-heap that gives the lowest rank first, the leftmost of equals.
    bool operator<(const Candidate& other) const noexcept {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };

  std::vector<Symbol> symbols_;
  std::vector<MergeTable::Merge> pairs_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> next_;
  std::vector<Candidate> heap_;
};

}  // namespace cutaway::tokenizer
