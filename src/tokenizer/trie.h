// A set of strings, walked byte by byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace cutaway::tokenizer {

/// A double array (Aoe 1989): a step is one load and one comparison. Immutable once built.
class Trie {
 public:
  static constexpr std::uint32_t kRoot = 0;
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFFU;
  static constexpr std::int32_t kNoValue = -1;

  Trie() = default;
  /// Of distinct, non-empty strings and values from 0. Sorts `entries`.
  explicit Trie(std::vector<std::pair<std::string_view, std::int32_t>> entries);

  bool empty() const noexcept { return units_.empty(); }
  /// The state behind `byte` from `state`, or kNowhere.
  std::uint32_t step(std::uint32_t state, char byte) const noexcept {
    const std::uint32_t next = units_[state].base + static_cast<unsigned char>(byte);
    return units_[next].parent == state ? next : kNowhere;
  }
  /// kNoValue if no string ends here.
  std::int32_t value(std::uint32_t state) const noexcept { return units_[state].value; }

 private:
  struct Unit {
    std::uint32_t base = 0;  // children stand at base + byte; there are always 256 units behind it
    std::uint32_t parent = kNowhere;
    std::int32_t value = kNoValue;
  };
  class Builder;
  std::vector<Unit> units_;
};

}  // namespace cutaway::tokenizer
