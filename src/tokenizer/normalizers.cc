#include "tokenizer/normalizers.h"

#include "tokenizer/byte_level.h"
#include "tokenizer/properties.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

/// Rewrites character by character: `is_plain` says of an ASCII character that it stays as it is,
/// `map(c, emit)` emits what another becomes. What is emitted has the character's own origin.
template <typename IsPlain, typename Map>
void append_mapped(Stretch stretch, Pieces& out, IsPlain&& is_plain, Map&& map) {
  const std::string_view text = stretch.text;
  for (std::size_t pos = 0; pos < text.size();) {
    std::size_t run = pos;
    while (run < text.size() && static_cast<unsigned char>(text[run]) < 0x80 &&
           is_plain(static_cast<unsigned char>(text[run]))) {
      ++run;
    }
    if (run > pos) out.append(stretch.part(pos, run - pos));
    pos = run;
    if (pos == text.size()) break;
    const Origin origin = stretch.origin(pos);
    const char32_t c = next_code_point(text, pos);
    map(c, [&](char32_t mapped) {
      append_utf8(out.text, mapped);
      if (out.tracks) out.origins.resize(out.text.size(), origin);
    });
  }
}

bool is_chinese(char32_t c) noexcept {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

// Removed by "nmt", and read as a space by it.
bool nmt_removes(char32_t c) noexcept {
  return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}
bool nmt_blanks(char32_t c) noexcept {
  return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
         c == 0xFFFD;
}

constexpr auto kNoPlain = [](unsigned char) { return false; };
constexpr auto kAllPlain = [](unsigned char) { return true; };

void append_bert(const BertNormalizer& bert, Stretch stretch, Pieces& out) {
  const auto clean = [&](char32_t c, auto&& emit) {
    if (bert.clean_text) {
      if (c == 0 || c == 0xFFFD || has_flag(c, kOther)) return;
      if (is(c, kSpace)) c = U' ';
    }
    if (bert.handle_chinese_chars && is_chinese(c)) {
      emit(U' ');
      emit(c);
      emit(U' ');
    } else {
      emit(c);
    }
  };
  const auto finish = [&](char32_t c, auto&& emit) {
    if (bert.strip_accents && has_flag(c, kNonSpacing)) return;
    if (bert.lowercase) return lower_case(c, emit);
    emit(c);
  };
  const auto is_printable = [](unsigned char c) { return c >= 0x20 && c < 0x7F; };
  Pieces cleaned;
  cleaned.tracks = out.tracks;
  append_mapped(stretch, cleaned, is_printable, clean);
  Stretch rest{cleaned.text, cleaned.tracks ? cleaned.origins.data() : nullptr};
  Pieces decomposed;
  decomposed.tracks = out.tracks;
  if (bert.strip_accents) {
    append_normal_form(NormalForm::kNfd, rest, decomposed);
    rest = {decomposed.text, decomposed.tracks ? decomposed.origins.data() : nullptr};
  }
  append_mapped(
      rest, out, [&](unsigned char c) { return !bert.lowercase || c < 'A' || c > 'Z'; }, finish);
}

struct Append {
  Stretch stretch;
  Pieces& out;

  void operator()(NormalForm form) const { append_normal_form(form, stretch, out); }
  void operator()(const Prepend& prepend) const { append_prepended(prepend.text, stretch, out); }
  void operator()(const Replace& replace) const { append_replaced(replace, stretch, out); }
  void operator()(const BertNormalizer& bert) const { append_bert(bert, stretch, out); }
  void operator()(const Lowercase&) const {
    append_mapped(
        stretch, out, [](unsigned char c) { return c < 'A' || c > 'Z'; },
        [](char32_t c, auto&& emit) { lower_case(c, emit); });
  }
  void operator()(const Nmt&) const {
    append_mapped(stretch, out, kNoPlain, [](char32_t c, auto&& emit) {
      if (!nmt_removes(c)) emit(nmt_blanks(c) ? U' ' : c);
    });
  }
  void operator()(const StripSpaces& strip) const {
    std::size_t begin = 0;
    std::size_t end = stretch.text.size();
    for (std::size_t at = begin; strip.left && begin < end; begin = at) {
      if (!is(next_code_point(stretch.text, at), kSpace)) break;
    }
    for (std::size_t at = end; strip.right && begin < end; end = at) {
      if (!is(previous_code_point(stretch.text, at), kSpace)) break;
    }
    out.append(stretch.part(begin, end - begin));
  }
  void operator()(const StripAccents&) const {
    append_mapped(stretch, out, kAllPlain, [](char32_t c, auto&& emit) {
      if (!has_flag(c, kCombining)) emit(c);
    });
  }
  void operator()(const ByteLevelNormalizer&) const { append_spelled(stretch, out); }
  void operator()(const std::shared_ptr<const CharsMap>& map) const {
    map->append_mapped(stretch, out);
  }
};

}  // namespace

void append_prepended(std::string_view prefix, Stretch stretch, Pieces& out) {
  out.append(prefix, stretch.origin(0));
  out.append(stretch);
}

void append_replaced(std::string_view literal, std::string_view content, Stretch stretch,
                     Pieces& out) {
  std::size_t pos = 0;
  while (pos < stretch.text.size()) {
    const std::size_t found = stretch.text.find(literal, pos);
    if (found == std::string_view::npos) break;
    out.append(stretch.part(pos, found - pos));
    pos = found + literal.size();
    out.append(content, stretch.origin(pos - 1));
  }
  out.append(stretch.part(pos));
}

void append_replaced(const Replace& replace, Stretch stretch, Pieces& out) {
  if (const std::string* literal = replace.pattern.literal()) {
    return append_replaced(*literal, replace.content, stretch, out);
  }
  std::vector<Match> matches;
  replace.pattern.match(stretch.text, matches);
  for (const Match& match : matches) {
    if (match.is_match) {
      // What replaces nothing at the very front stands for nothing.
      const Origin front{stretch.origin(0).begin, stretch.origin(0).begin};
      out.append(replace.content, match.end > 0 ? stretch.origin(match.end - 1) : front);
    } else {
      out.append(stretch.part(match.begin, match.end - match.begin));
    }
  }
}

void append_spelled(Stretch stretch, Pieces& out) {
  for (std::size_t i = 0; i < stretch.text.size(); ++i) {
    out.append(byte_to_piece(static_cast<unsigned char>(stretch.text[i])), stretch.origin(i));
  }
}

void normalize(const std::vector<Normalizer>& normalizers, Pieces& pieces) {
  for (const Normalizer& normalizer : normalizers) {
    rewrite_pieces(pieces, [&](Stretch stretch, Pieces& out) {
      std::visit(Append{stretch, out}, normalizer);
    });
  }
}

std::string normalized(const std::vector<Normalizer>& normalizers, std::string_view text) {
  Pieces pieces = Pieces::of(text, false);
  normalize(normalizers, pieces);
  return std::move(pieces.text);
}

}  // namespace cutaway::tokenizer
