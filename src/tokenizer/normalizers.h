// What happens to the text between the raw and the normalised added tokens.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tokenizer/normal_forms.h"
#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

/// Puts `text` in front of every piece; it shares the first character's origin.
struct Prepend {
  std::string text;
};
/// Literal `pattern` to `content`, whose characters share the origin of the pattern's last one.
struct Replace {
  std::string pattern;
  std::string content;
};

using Normalizer = std::variant<NormalForm, Prepend, Replace>;

void normalize(const std::vector<Normalizer>& normalizers, Pieces& pieces);
std::string normalized(const std::vector<Normalizer>& normalizers, std::string_view text);

/// Appends a piece with `pattern` replaced, or with `text` in front.
void append_replaced(const Replace& replace, std::string_view text, const Origin* origins,
                     Pieces& out);
void append_prepended(std::string_view prefix, std::string_view text, const Origin* origins,
                      Pieces& out);

}  // namespace cutaway::tokenizer
