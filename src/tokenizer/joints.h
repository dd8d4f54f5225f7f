// Where a long word may be cut in two without changing what BPE makes of it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace cutaway::tokenizer {

/// The pairs of characters that some merge joins: the last one of its left part and the first one
/// of its right part. Between two characters that are no such pair, no merge ever reaches across.
class Joints {
 public:
  void reserve(std::size_t pairs) { slots_.assign(std::bit_ceil(pairs + pairs / 2 + 16), kFree); }

  /// No more than was reserved.
  void add(char32_t left, char32_t right) noexcept {
    if (left < 128 && right < 128) {
      ascii_[left][right] = true;
      return;
    }
    const std::uint64_t key = key_of(left, right);
    slots_[find(key)] = key;
  }
  bool has(char32_t left, char32_t right) const noexcept {
    if (left < 128 && right < 128) return ascii_[left][right];
    const std::uint64_t key = key_of(left, right);
    return !slots_.empty() && slots_[find(key)] == key;
  }

 private:
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFFU;
  static std::uint64_t key_of(char32_t left, char32_t right) noexcept {
    return static_cast<std::uint64_t>(left) << 32 | right;
  }
  std::size_t find(std::uint64_t key) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 30) & mask;
    while (slots_[at] != key && slots_[at] != kFree) at = (at + 1) & mask;
    return at;
  }

  std::array<std::array<bool, 128>, 128> ascii_{};
  std::vector<std::uint64_t> slots_;
};

}  // namespace cutaway::tokenizer
