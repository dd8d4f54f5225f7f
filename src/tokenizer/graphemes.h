// Where a text may be cut without cutting what a reader takes for one character.
#pragma once

#include <cstddef>
#include <string_view>

namespace cutaway::tokenizer {

/// The end of the extended grapheme cluster that begins at `pos` of valid UTF-8 (Unicode 17, UAX
/// #29 without rule GB9c: conjuncts of Indic consonants, which are of no effect on the only user, a
/// character map, since it reads clusters of more than five bytes code point by code point anyway).
std::size_t grapheme_end(std::string_view text, std::size_t pos) noexcept;

}  // namespace cutaway::tokenizer
