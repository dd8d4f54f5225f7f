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

/// A stretch of text with the origin of each byte; `origins` is null where nobody asks for them.
struct Stretch {
  std::string_view text;
  const Origin* origins = nullptr;

  Origin origin(std::size_t at) const noexcept {
    return origins != nullptr ? origins[at] : Origin{0, 0};
  }
  Stretch part(std::size_t begin, std::size_t length = std::string_view::npos) const noexcept {
    return {text.substr(begin, length), origins != nullptr ? origins + begin : nullptr};
  }
};

struct Pieces {
  std::string text;
  std::vector<Origin> origins;  ///< one a byte of `text`, if tracked
  std::vector<Piece> pieces;    ///< in order
  bool tracks = true;

  /// One piece, each byte standing for the code point that holds it. `text` is valid UTF-8 of less
  /// than 4 GiB. Without origins if not `tracks`, which saves most of the work of rewriting.
  static Pieces of(std::string_view text, bool tracks = true);

  std::string_view view(const Piece& piece) const noexcept {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
  Stretch stretch(const Piece& piece) const noexcept {
    return {view(piece), tracks ? origins.data() + piece.begin : nullptr};
  }

  void append(Stretch stretch) {
    text.append(stretch.text);
    if (tracks) {
      origins.insert(origins.end(), stretch.origins, stretch.origins + stretch.text.size());
    }
  }
  void append(std::string_view bytes, Origin origin) {
    text.append(bytes);
    if (tracks) origins.resize(text.size(), origin);
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

/// Rebuilds text and origins: `rewriter(stretch, out)` appends a piece's new text and origins to
/// `out`. Pieces that become empty vanish; pieces with a token are copied.
template <typename Rewriter>
void rewrite_pieces(Pieces& pieces, Rewriter&& rewriter) {
  Pieces out;
  out.tracks = pieces.tracks;
  out.text.reserve(pieces.text.size() + pieces.text.size() / 4);
  if (out.tracks) out.origins.reserve(pieces.text.size() + pieces.text.size() / 4);
  out.pieces.reserve(pieces.pieces.size());
  for (const Piece& piece : pieces.pieces) {
    const auto begin = static_cast<std::uint32_t>(out.text.size());
    if (piece.token != kNoToken) {
      out.append(pieces.stretch(piece));
    } else {
      rewriter(pieces.stretch(piece), out);
    }
    const auto end = static_cast<std::uint32_t>(out.text.size());
    if (end > begin) out.pieces.push_back({begin, end, piece.token});
  }
  pieces = std::move(out);
}

}  // namespace cutaway::tokenizer
