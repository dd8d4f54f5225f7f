// The words that one call of encode has already turned into tokens.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::tokenizer {

/// A token of a word; bytes [begin, end) of the word.
struct Token {
  TokenId id;
  std::uint32_t begin;
  std::uint32_t end;
};

/// Direct mapped: a collision forgets the older word. Words must outlive the cache.
class WordCache {
 public:
  /// Longer words repeat too seldom to be worth remembering.
  static constexpr std::size_t kLongest = 64;

  explicit WordCache(std::size_t expected_words) {
    slots_.resize(std::bit_ceil(std::clamp<std::size_t>(expected_words, 1, 1U << 15)));
  }

  static std::uint64_t hash_of(std::string_view word) noexcept {
    std::uint64_t hash = word.size() * kMultiplier;
    const char* at = word.data();
    std::size_t left = word.size();
    const auto mix = [&](std::uint64_t bits) {
      hash = (hash ^ bits) * kMultiplier;
      hash ^= hash >> 32;
    };
    for (; left >= 8; at += 8, left -= 8) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, at, 8);
      mix(bits);
    }
    if (left > 0) {
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < left; ++i) {
        bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
      }
      mix(bits);
    }
    return hash;
  }

  /// Appends the tokens of `word` if they are known.
  bool find(std::string_view word, std::uint64_t hash, std::vector<Token>& out) const {
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    if (slot.word == nullptr || slot.hash != hash || slot.length != word.size() ||
        std::memcmp(slot.word, word.data(), word.size()) != 0) {
      return false;
    }
    const auto first = tokens_.begin() + slot.first;
    out.insert(out.end(), first, first + slot.count);
    return true;
  }
  void add(std::string_view word, std::uint64_t hash, const Token* tokens, std::size_t count) {
    slots_[hash & (slots_.size() - 1)] = {
        hash, word.data(), static_cast<std::uint32_t>(word.size()),
        static_cast<std::uint32_t>(tokens_.size()), static_cast<std::uint32_t>(count)};
    tokens_.insert(tokens_.end(), tokens, tokens + count);
  }

 private:
  static constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15U;
  struct Slot {
    std::uint64_t hash = 0;
    const char* word = nullptr;
    std::uint32_t length = 0;
    std::uint32_t first = 0;  // index into tokens_
    std::uint32_t count = 0;
  };
  std::vector<Slot> slots_;
  std::vector<Token> tokens_;
};

}  // namespace cutaway::tokenizer
