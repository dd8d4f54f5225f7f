// Unicode normalisation that remembers which input characters each output character stands for.
#pragma once

#include <string_view>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

enum class NormalForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// Appends `text` in the form, with origins, to `out`.
///
/// The data are those of tokenizers' normaliser (Unicode 9): code points that got a decomposition
/// or a combining class later stay as they are.
void append_normal_form(NormalForm form, Stretch stretch, Pieces& out);

/// As tokenizers' `transform`: each output character replaces one input character and swallows
/// `-change` more, or (change == 1) is inserted and shares its predecessor's origin.
struct Change {
  char32_t c;
  int change;
};
void append_transformed(const std::vector<Change>& changes, Stretch stretch, Pieces& out);

}  // namespace cutaway::tokenizer
