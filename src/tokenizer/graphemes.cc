#include "tokenizer/graphemes.h"

#include "tokenizer/properties.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

// The values of kGraphemeRuns.
enum Grapheme : std::uint16_t {
  kAny,
  kCr,
  kLf,
  kControl,
  kExtend,
  kZwj,
  kSpacingMark,
  kPrepend,
  kRegional,
  kL,
  kV,
  kT,
  kLv,
  kLvt,
  kPictographic,
};

Grapheme class_at(char32_t c) noexcept {
  if (c >= 0x20 && c < 0x7F) return kAny;
  return static_cast<Grapheme>(value_of(kGraphemeRuns, c));
}

bool is_break(char32_t c) noexcept { return c == kCr || c == kLf || c == kControl; }

struct State {
  Grapheme last;
  bool pictographic;      // a pictographic and Extend* lie before; and behind it ...
  bool after_zwj;         // ... a ZWJ
  unsigned regional = 0;  // indicators so far
};

bool joins(const State& state, Grapheme next) noexcept {
  const Grapheme last = state.last;
  if (last == kCr && next == kLf) return true;
  if (is_break(last) || is_break(next)) return false;
  if (last == kL && (next == kL || next == kV || next == kLv || next == kLvt)) return true;
  if ((last == kLv || last == kV) && (next == kV || next == kT)) return true;
  if ((last == kLvt || last == kT) && next == kT) return true;
  if (next == kExtend || next == kZwj || next == kSpacingMark || last == kPrepend) return true;
  if (state.after_zwj && next == kPictographic) return true;
  return last == kRegional && next == kRegional && state.regional % 2 == 1;
}

void advance(State& state, Grapheme next) noexcept {
  state.after_zwj = next == kZwj && state.pictographic;
  state.pictographic = next == kPictographic || (next == kExtend && state.pictographic);
  state.regional = next == kRegional ? state.regional + 1 : 0;
  state.last = next;
}

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t pos) noexcept {
  State state{kAny, false, false};
  advance(state, class_at(next_code_point(text, pos)));
  while (pos < text.size()) {
    std::size_t after = pos;
    const Grapheme next = class_at(next_code_point(text, after));
    if (!joins(state, next)) break;
    advance(state, next);
    pos = after;
  }
  return pos;
}

}  // namespace cutaway::tokenizer
