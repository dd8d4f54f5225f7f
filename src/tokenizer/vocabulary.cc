#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace cutaway::tokenizer {
namespace {

std::uint32_t check_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

std::int64_t Vocabulary::largest_id(std::size_t entries) noexcept {
  const auto limit =
      static_cast<std::int64_t>(std::min<std::size_t>(entries, 1U << 28)) * 4 + 65535;
  return std::min<std::int64_t>(limit, std::numeric_limits<TokenId>::max());
}

void Vocabulary::reserve(std::size_t entries) {
  pieces_.reserve(entries);
  present_.reserve(entries);
  grow(std::bit_ceil(std::max<std::size_t>(16, entries + entries / 2)));
}

void Vocabulary::grow(std::size_t slots) {
  if (slots <= slots_.size()) return;
  slots_.assign(slots, Slot{});
  for (std::size_t id = 0; id < pieces_.size(); ++id) {
    if (!present_[id]) continue;
    const std::uint64_t hash = hash_of(pieces_[id]);
    std::size_t at = slot_of(hash);
    while (slots_[at].id >= 0 && pieces_[static_cast<std::size_t>(slots_[at].id)] != pieces_[id]) {
      at = (at + 1) & (slots_.size() - 1);  // of a piece that stands twice the last id counts
    }
    slots_[at] = {static_cast<TokenId>(id), check_of(hash)};
  }
}

Vocabulary::Added Vocabulary::add(std::string piece, TokenId id) {
  if (has(id)) return Added::kIdExists;
  if ((size_ + 1) * 3 > slots_.size() * 2) grow(std::max<std::size_t>(16, slots_.size() * 2));
  const std::uint64_t hash = hash_of(piece);
  if (find(piece, hash)) return Added::kPieceExists;
  std::size_t at = slot_of(hash);
  while (slots_[at].id >= 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {id, check_of(hash)};
  put(std::move(piece), id);
  return Added::kYes;
}

void Vocabulary::add_again(std::string piece, TokenId id) {
  const std::uint64_t hash = hash_of(piece);
  for (std::size_t at = slot_of(hash); slots_[at].id >= 0; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].check == check_of(hash) &&
        pieces_[static_cast<std::size_t>(slots_[at].id)] == piece) {
      slots_[at].id = id;
      break;
    }
  }
  put(std::move(piece), id);
}

void Vocabulary::put(std::string piece, TokenId id) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= pieces_.size()) {
    pieces_.resize(index + 1);
    present_.resize(index + 1);
  }
  pieces_[index] = std::move(piece);
  present_[index] = true;
  ++size_;
}

std::optional<TokenId> Vocabulary::find(std::string_view piece) const noexcept {
  return find(piece, hash_of(piece));
}

std::optional<TokenId> Vocabulary::find(std::string_view piece, std::uint64_t hash) const noexcept {
  if (slots_.empty()) return std::nullopt;
  for (std::size_t at = slot_of(hash); slots_[at].id >= 0; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].check == check_of(hash) &&
        pieces_[static_cast<std::size_t>(slots_[at].id)] == piece) {
      return slots_[at].id;
    }
  }
  return std::nullopt;
}

bool Vocabulary::has(TokenId id) const noexcept {
  return id >= 0 && static_cast<std::size_t>(id) < present_.size() &&
         present_[static_cast<std::size_t>(id)];
}

}  // namespace cutaway::tokenizer
