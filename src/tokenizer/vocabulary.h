// Pieces and their ids, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::tokenizer {

/// A bijection between pieces and ids. Ids may have holes, but not wildly: `largest_id` bounds them
/// by the number of entries, so that a hostile id cannot make us allocate.
class Vocabulary {
 public:
  /// The largest id that a vocabulary of `entries` pieces may hold: 4 * entries + 65535. Real ones
  /// are dense but for a few hundred reserved ids.
  static std::int64_t largest_id(std::size_t entries) noexcept;

  void reserve(std::size_t entries);

  enum class Added : std::uint8_t { kYes, kPieceExists, kIdExists };
  /// `id` lies in [0, largest_id(...)].
  Added add(std::string piece, TokenId id);

  /// For a piece that exists: both ids are spelled so, and `find` gives this one from now on.
  void add_again(std::string piece, TokenId id);

  std::optional<TokenId> find(std::string_view piece) const noexcept;
  /// The same with the hash of `piece` at hand.
  std::optional<TokenId> find(std::string_view piece, std::uint64_t hash) const noexcept;
  /// Three steps of fetching what `find` will read, for those who look up a million pieces in a
  /// row. After `reserve`.
  void prefetch_slot(std::uint64_t hash) const noexcept {
    __builtin_prefetch(slots_.data() + slot_of(hash));
  }
  void prefetch_piece(std::uint64_t hash) const noexcept {
    const TokenId id = slots_[slot_of(hash)].id;
    if (id >= 0) __builtin_prefetch(pieces_.data() + id);
  }
  void prefetch_text(std::uint64_t hash) const noexcept {
    const TokenId id = slots_[slot_of(hash)].id;
    if (id >= 0) __builtin_prefetch(pieces_[static_cast<std::size_t>(id)].data());
  }
  bool has(TokenId id) const noexcept;
  /// `has(id)`
  const std::string& piece(TokenId id) const noexcept {
    return pieces_[static_cast<std::size_t>(id)];
  }

  std::size_t size() const noexcept { return size_; }
  /// One more than the largest id.
  std::size_t id_end() const noexcept { return pieces_.size(); }

  /// Extends the hash of a prefix (0 for the empty one) by one byte.
  static std::uint64_t extend_hash(std::uint64_t hash, char byte) noexcept {
    return (hash ^ static_cast<unsigned char>(byte)) * 0x9E3779B97F4A7C15U + 0x632BE59BD9B4E019U;
  }
  static std::uint64_t hash_of(std::string_view piece) noexcept {
    std::uint64_t hash = 0;
    for (const char byte : piece) hash = extend_hash(hash, byte);
    return hash;
  }

 private:
  void grow(std::size_t slots);
  void put(std::string piece, TokenId id);
  std::size_t slot_of(std::uint64_t hash) const noexcept {
    return static_cast<std::size_t>((hash ^ hash >> 32) * 0xD6E8FEB86659FD93U >> 24) &
           (slots_.size() - 1);
  }

  struct Slot {
    TokenId id = -1;
    std::uint32_t check = 0;  // upper half of the hash: most collisions end here
  };
  std::vector<std::string> pieces_;  // by id; holes are empty
  std::vector<bool> present_;
  std::vector<Slot> slots_;  // open addressing, a power of two
  std::size_t size_ = 0;
};

}  // namespace cutaway::tokenizer
