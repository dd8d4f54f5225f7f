// What single code points are, beyond the classes of unicode.h; and their lower case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "tokenizer/unicode_properties.h"

namespace cutaway::tokenizer {

/// The value of the run that holds `c`, or 0.
inline std::uint16_t value_of(std::span<const PropertyRun> runs, char32_t c) noexcept {
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), c,
                       [](char32_t x, const PropertyRun& run) { return x < run.first; });
  return after != runs.begin() && c <= std::prev(after)->last ? std::prev(after)->value
                                                              : std::uint16_t{0};
}

enum PropertyFlag : std::uint16_t {
  kPunctuation = 1,  ///< as the BERT pre-tokenizer splits
  kOther = 2,        ///< control, format, private, unassigned: what BERT's clean_text removes
  kNonSpacing = 4,   ///< what BERT's strip_accents removes
  kCombining = 8,    ///< what StripAccents removes
};

inline bool is_punctuation_ascii(char32_t c) noexcept {
  return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) || (c >= 0x5B && c <= 0x60) ||
         (c >= 0x7B && c <= 0x7E);
}
inline bool has_flag(char32_t c, PropertyFlag flag) noexcept {
  if (c < 0x80) {
    if (flag == kPunctuation) return is_punctuation_ascii(c);
    // Tab and newlines count as white space, not as control characters.
    if (flag == kOther) return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    return false;
  }
  return (value_of(kFlagRuns, c) & flag) != 0;
}

/// The class of the UnicodeScripts pre-tokenizer; 0 goes with every script.
inline std::uint16_t old_script(char32_t c) noexcept { return value_of(kOldScriptRuns, c); }

/// Calls `emit(c)` for each code point of the lower case (one, but for U+0130).
template <typename Emit>
void lower_case(char32_t c, Emit&& emit) {
  if (c < 0x80) return emit(c >= 'A' && c <= 'Z' ? c + 0x20 : c);
  if (c == 0x130) {
    emit(char32_t{'i'});
    return emit(char32_t{0x307});
  }
  const auto after =
      std::upper_bound(std::begin(kLowerRuns), std::end(kLowerRuns), c,
                       [](char32_t x, const LowerRun& run) { return x < run.first; });
  if (after != std::begin(kLowerRuns)) {
    const LowerRun& run = *std::prev(after);
    if (c <= run.last && (c - run.first) % static_cast<char32_t>(run.step) == 0) {
      return emit(static_cast<char32_t>(static_cast<std::int32_t>(c) + run.delta));
    }
  }
  emit(c);
}

}  // namespace cutaway::tokenizer
