// The text on its way to tokens: rewritten, cut into pieces, and still tied to the input's bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::tokenizer {

/// The bytes [begin, end) of the input that a byte of the rewritten text stands for.
struct Origin {
  std::uint32_t begin;
  std::uint32_t end;
};

inline constexpr TokenId kNoToken = -1;

/// A non-empty range of `Pieces::text`; an added token already has its id.
struct Piece {
  std::uint32_t begin;
  std::uint32_t end;
  TokenId token = kNoToken;
};

struct Pieces {
  std::string text;
  std::vector<Origin> origins;  ///< one a byte of `text`
  std::vector<Piece> pieces;    ///< in order

  /// One piece, each byte standing for the code point that holds it. `text` is valid UTF-8 of less
  /// than 4 GiB.
  static Pieces of(std::string_view text);

  std::string_view view(const Piece& piece) const noexcept {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

/// A stretch of a piece and whether a pattern matched it.
struct Match {
  std::uint32_t begin;
  std::uint32_t end;
  bool is_match;
};

/// What becomes of the matches of a Split: dropped, kept apart, or joined to a neighbour.
enum class SplitBehavior : std::uint8_t {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous
};

/// Appends the non-empty pieces that `matches` (which cover `piece`, relative to its begin) leave.
void append_split(const Piece& piece, std::vector<Match>& matches, SplitBehavior behavior,
                  std::vector<Piece>& out);

/// Replaces `pieces.pieces` by what `matcher(view, matches)` and `behavior` make of each one that
/// has no token yet.
template <typename Matcher>
void split_pieces(Pieces& pieces, SplitBehavior behavior, Matcher&& matcher) {
  std::vector<Piece> out;
  out.reserve(pieces.pieces.size());
  std::vector<Match> matches;
  for (const Piece& piece : pieces.pieces) {
    if (piece.token != kNoToken) {
      out.push_back(piece);
      continue;
    }
    matches.clear();
    matcher(pieces.view(piece), matches);
    append_split(piece, matches, behavior, out);
  }
  pieces.pieces = std::move(out);
}

/// Rebuilds text and origins: `rewriter(view, origins, out)` appends a piece's new text and origins
/// to `out`. Pieces that become empty vanish; pieces with a token are copied.
template <typename Rewriter>
void rewrite_pieces(Pieces& pieces, Rewriter&& rewriter) {
  Pieces out;
  out.text.reserve(pieces.text.size() + pieces.text.size() / 4);
  out.origins.reserve(pieces.text.size() + pieces.text.size() / 4);
  out.pieces.reserve(pieces.pieces.size());
  for (const Piece& piece : pieces.pieces) {
    const auto begin = static_cast<std::uint32_t>(out.text.size());
    const Origin* origins = pieces.origins.data() + piece.begin;
    if (piece.token != kNoToken) {
      out.text.append(pieces.view(piece));
      out.origins.insert(out.origins.end(), origins, origins + (piece.end - piece.begin));
    } else {
      rewriter(pieces.view(piece), origins, out);
    }
    const auto end = static_cast<std::uint32_t>(out.text.size());
    if (end > begin) out.pieces.push_back({begin, end, piece.token});
  }
  pieces = std::move(out);
}

}  // namespace cutaway::tokenizer
