// Which two tokens merge into which, and how early.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::tokenizer {

/// A hash table from a pair of ids to its rank (lower merges first) and the merged id.
class MergeTable {
 public:
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFFU;
  struct Merge {
    std::uint32_t rank = kNoRank;
    TokenId id = -1;
  };

  void reserve(std::size_t merges) {
    slots_.assign(std::bit_ceil(merges + merges / 2 + 16), Slot{});
  }

  /// A pair that stands twice keeps its last rank, as in tokenizers. No more than was reserved.
  void set(TokenId left, TokenId right, Merge merge) noexcept {
    const std::uint64_t key = key_of(left, right);
    Slot& slot = slots_[find_slot(key)];
    slot = {key, merge};
  }

  /// Calls `visit(left, right)` for every pair, in no order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.key == kFree) continue;
      visit(static_cast<TokenId>(slot.key >> 32), static_cast<TokenId>(slot.key & 0xFFFFFFFFU));
    }
  }
  std::size_t slots() const noexcept { return slots_.size(); }

  /// rank == kNoRank if the two do not merge.
  Merge find(TokenId left, TokenId right) const noexcept {
    if (slots_.empty()) return {};
    return slots_[find_slot(key_of(left, right))].merge;
  }

 private:
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFFU;  // ids are not negative
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t find_slot(std::uint64_t key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 20) & mask;
    while (slots_[at].key != key && slots_[at].key != kFree) at = (at + 1) & mask;
    return at;
  }

  std::vector<Slot> slots_;
};

}  // namespace cutaway::tokenizer
