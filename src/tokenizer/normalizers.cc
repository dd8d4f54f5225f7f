#include "tokenizer/normalizers.h"

namespace cutaway::tokenizer {
namespace {

void append(std::string_view text, const Origin* origins, Pieces& out) {
  out.text.append(text);
  out.origins.insert(out.origins.end(), origins, origins + text.size());
}

struct Append {
  std::string_view text;
  const Origin* origins;
  Pieces& out;

  void operator()(NormalForm form) const { append_normal_form(form, text, origins, out); }
  void operator()(const Prepend& prepend) const {
    append_prepended(prepend.text, text, origins, out);
  }
  void operator()(const Replace& replace) const { append_replaced(replace, text, origins, out); }
};

}  // namespace

void append_prepended(std::string_view prefix, std::string_view text, const Origin* origins,
                      Pieces& out) {
  out.text.append(prefix);
  out.origins.resize(out.text.size(), origins[0]);
  append(text, origins, out);
}

void append_replaced(const Replace& replace, std::string_view text, const Origin* origins,
                     Pieces& out) {
  std::size_t pos = 0;
  while (pos < text.size()) {
    const std::size_t found = text.find(replace.pattern, pos);
    if (found == std::string_view::npos) break;
    append(text.substr(pos, found - pos), origins + pos, out);
    pos = found + replace.pattern.size();
    out.text.append(replace.content);
    out.origins.resize(out.text.size(), origins[pos - 1]);
  }
  append(text.substr(pos), origins + pos, out);
}

void normalize(const std::vector<Normalizer>& normalizers, Pieces& pieces) {
  for (const Normalizer& normalizer : normalizers) {
    rewrite_pieces(pieces, [&](std::string_view text, const Origin* origins, Pieces& out) {
      std::visit(Append{text, origins, out}, normalizer);
    });
  }
}

std::string normalized(const std::vector<Normalizer>& normalizers, std::string_view text) {
  Pieces pieces = Pieces::of(text);
  normalize(normalizers, pieces);
  return std::move(pieces.text);
}

}  // namespace cutaway::tokenizer
