// Tokens that are found in the text before the model sees it: control tokens, user tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

struct AddedToken {
  TokenId id = kNoToken;
  std::string content;
  bool single_word = false;  ///< only between non-word characters
  bool lstrip = false;       ///< takes the white space on its left with it
  bool rstrip = false;
  bool normalized = false;  ///< looked for in the normalised text, in its own normalised form
  bool special = false;
  std::string normalized_content;  ///< `content` through the normaliser, if `normalized`
};

/// A set of strings, of which the longest that starts at a position is found.
class LongestMatcher {
 public:
  /// false if it is in the set already.
  bool add(std::string_view text, std::uint32_t value);
  bool empty() const noexcept { return nodes_ == 1; }

  struct Found {
    std::size_t begin;
    std::size_t end;
    std::uint32_t value;
  };
  /// The leftmost occurrence at or behind `from`, the longest of those; `end` == 0 if none. Reads
  /// at most the longest string's length from each position.
  Found find(std::string_view text, std::size_t from) const noexcept;

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFU;
  std::uint32_t nodes_ = 1;                                    // node 0 is the root
  std::unordered_map<std::uint64_t, std::uint32_t> children_;  // node << 8 | byte → node
  std::vector<std::uint32_t> values_{kNone};                   // by node
  bool starts_[256] = {};
};

class AddedTokens {
 public:
  /// Ids are valid and content and normalised content not empty. A second token of the same content
  /// replaces the first.
  void add(AddedToken token);
  /// Call once after the last `add`. Returns the content of a token whose form in the text is also
  /// another token's, or an empty string.
  std::string build();

  const AddedToken* find(TokenId id) const noexcept;
  const AddedToken* find(std::string_view content) const noexcept;
  const std::vector<AddedToken>& all() const noexcept { return tokens_; }

  /// Cuts the tokens that are looked for in the raw text (`normalized` false), or in the normalised
  /// text (true), out of the pieces that have no token yet.
  void extract(Pieces& pieces, bool normalized) const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<TokenId, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  LongestMatcher raw_;
  LongestMatcher normalized_;
};

}  // namespace cutaway::tokenizer
