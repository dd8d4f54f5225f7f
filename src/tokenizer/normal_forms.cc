#include "tokenizer/normal_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

bool is_inert(char32_t c) noexcept {
  const auto after = std::upper_bound(std::begin(kInert), std::end(kInert), c,
                                      [](char32_t x, const char32_t(&r)[2]) { return x < r[0]; });
  return after != std::begin(kInert) && c <= (*std::prev(after))[1];
}

int combining_class(char32_t c) noexcept {
  if (c < 0x300 || is_inert(c)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

struct Decomposed {
  char32_t c;
  int change;
  int combining;
};

void decompose(char32_t c, bool compatibility, std::vector<Decomposed>& out) {
  if (c < 0x80 || is_inert(c)) {
    out.push_back({c, 0, 0});
    return;
  }
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition (U+FDFA) has 18
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE |
                                                      (compatibility ? UTF8PROC_COMPAT : 0));
  int last_boundclass = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
      options, &last_boundclass);
  if (count < 1 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back({c, 0, combining_class(c)});
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const auto part = static_cast<char32_t>(parts[static_cast<std::size_t>(i)]);
    out.push_back({part, i == 0 ? 0 : 1, combining_class(part)});
  }
}

std::optional<char32_t> compose(char32_t first, char32_t second) noexcept {
  // Nothing below U+0300 is the second of a composition. U+11A7, one before the Hangul finals,
  // composes for utf8proc but not by the standard.
  if (second < 0x300 || second == 0x11A7 || is_inert(second)) return std::nullopt;
  std::array<utf8proc_int32_t, 4> pair = {static_cast<utf8proc_int32_t>(first),
                                          static_cast<utf8proc_int32_t>(second)};
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  if (utf8proc_normalize_utf32(pair.data(), 2, options) != 1) return std::nullopt;
  const auto composed = static_cast<char32_t>(pair[0]);
  if (is_inert(composed)) return std::nullopt;
  return composed;
}

// Canonical ordering: runs of non-zero classes are sorted by class, stably.
void reorder(std::vector<Decomposed>& chars) {
  for (auto begin = chars.begin(); begin != chars.end();) {
    if (begin->combining == 0) {
      ++begin;
      continue;
    }
    const auto end =
        std::find_if(begin, chars.end(), [](const Decomposed& d) { return d.combining == 0; });
    std::stable_sort(begin, end, [](const Decomposed& a, const Decomposed& b) {
      return a.combining < b.combining;
    });
    begin = end;
  }
}

// Canonical composition. A composed pair stands for what both stood for: their consumptions
// (1 - change) add up.
void recompose(const std::vector<Decomposed>& chars, std::vector<Change>& out) {
  std::optional<std::size_t> starter;  // index in `out` of the last starter, while nothing blocks
  int last_class = 0;                  // of what stands between it and the next character
  for (const Decomposed& d : chars) {
    if (starter && (last_class == 0 || last_class < d.combining)) {
      if (const auto composed = compose(out[*starter].c, d.c)) {
        out[*starter] = {*composed, out[*starter].change + d.change - 1};
        continue;
      }
    }
    out.push_back({d.c, d.change});
    if (d.combining == 0) {
      starter = out.size() - 1;
      last_class = 0;
    } else if (starter) {
      last_class = d.combining;
    }
  }
}

// Code points that stay themselves in the form and that nothing before them changes. Only a fast
// path: what is missing here takes the slow one.
bool is_stable(char32_t c, NormalForm form) noexcept {
  if (c < 0x80) return true;
  if (form != NormalForm::kNfc) return false;
  return c < 0x300 || (c >= 0x400 && c <= 0x482) || (c >= 0x48A && c <= 0x52F) ||
         (c >= 0x5D0 && c <= 0x5EA) || (c >= 0x620 && c <= 0x64A) || (c >= 0xE01 && c <= 0xE30) ||
         (c >= 0x2010 && c <= 0x2027) || (c >= 0x3041 && c <= 0x3096) ||
         (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0x1F300 && c <= 0x1F64F);
}

}  // namespace

void append_transformed(const std::vector<Change>& changes, Stretch stretch, Pieces& out) {
  const std::string_view text = stretch.text;
  if (!out.tracks) {
    for (const Change& change : changes) append_utf8(out.text, change.c);
    return;
  }
  std::size_t pos = 0;
  const auto skip = [&](int characters) {
    for (; characters > 0 && pos < text.size(); --characters) pos += utf8_length(text[pos]);
  };
  for (const Change& change : changes) {
    Origin origin{stretch.origins[0].begin, stretch.origins[0].begin};
    if (change.change > 0) {
      if (pos > 0) origin = stretch.origins[pos - 1];
    } else {
      origin = stretch.origins[std::min(pos, text.size() - 1)];
      skip(1 - change.change);
    }
    append_utf8(out.text, change.c);
    out.origins.resize(out.text.size(), origin);
  }
}

void append_normal_form(NormalForm form, Stretch stretch, Pieces& out) {
  const std::string_view text = stretch.text;
  const bool compatibility = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  const bool composes = form == NormalForm::kNfc || form == NormalForm::kNfkc;
  std::vector<Decomposed> chars;
  std::vector<Change> changes;
  for (std::size_t pos = 0; pos < text.size();) {
    // Stable code points in front of a stable one are copied; the rest is done segment by segment,
    // each up to the next stable code point, which nothing composes or reorders across.
    std::size_t copied = pos;
    std::size_t after = pos;
    while (after < text.size() && is_stable(next_code_point(text, after), form)) {
      std::size_t peek = after;
      if (after < text.size() && !is_stable(next_code_point(text, peek), form)) break;
      copied = after;
    }
    out.append(stretch.part(pos, copied - pos));
    pos = copied;
    if (pos == text.size()) break;

    chars.clear();
    changes.clear();
    std::size_t end = pos;
    decompose(next_code_point(text, end), compatibility, chars);
    while (end < text.size()) {
      std::size_t next = end;
      const char32_t c = next_code_point(text, next);
      if (is_stable(c, form)) break;
      decompose(c, compatibility, chars);
      end = next;
    }
    reorder(chars);
    if (composes) {
      recompose(chars, changes);
    } else {
      for (const Decomposed& d : chars) changes.push_back({d.c, d.change});
    }
    append_transformed(changes, stretch.part(pos, end - pos), out);
    pos = end;
  }
}

}  // namespace cutaway::tokenizer
