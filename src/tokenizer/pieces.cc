#include "tokenizer/pieces.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {

Pieces Pieces::of(std::string_view text, bool tracks) {
  Pieces out;
  out.text = text;
  out.tracks = tracks;
  if (tracks) out.origins.resize(text.size());
  for (std::size_t pos = 0; tracks && pos < text.size();) {
    const std::size_t end = pos + utf8_length(text[pos]);
    const Origin origin{static_cast<std::uint32_t>(pos), static_cast<std::uint32_t>(end)};
    for (; pos < end; ++pos) out.origins[pos] = origin;
  }
  if (!text.empty()) out.pieces.push_back({0, static_cast<std::uint32_t>(text.size())});
  return out;
}

namespace {

// A run of matches counts as alternating: only a match that follows a non-match joins it, so "--"
// between words gives "word-" and "-".
void merge_with_previous(std::vector<Match>& matches) {
  std::vector<Match> out;
  bool previous_match = false;
  for (const Match& match : matches) {
    if (match.is_match && !previous_match && !out.empty()) {
      out.back().end = match.end;
    } else {
      out.push_back(match);
    }
    previous_match = match.is_match;
  }
  matches = std::move(out);
}

void merge_with_next(std::vector<Match>& matches) {
  std::vector<Match> out;
  bool previous_match = false;
  for (auto it = matches.rbegin(); it != matches.rend(); ++it) {
    if (it->is_match && !previous_match && !out.empty()) {
      out.back().begin = it->begin;
    } else {
      out.push_back(*it);
    }
    previous_match = it->is_match;
  }
  std::reverse(out.begin(), out.end());
  matches = std::move(out);
}

void merge_contiguous(std::vector<Match>& matches) {
  std::vector<Match> out;
  bool previous_match = false;
  for (const Match& match : matches) {
    if (match.is_match == previous_match && !out.empty()) {
      out.back().end = match.end;
    } else {
      out.push_back(match);
    }
    previous_match = match.is_match;
  }
  matches = std::move(out);
}

}  // namespace

void append_split(const Piece& piece, std::vector<Match>& matches, SplitBehavior behavior,
                  std::vector<Piece>& out) {
  switch (behavior) {
    case SplitBehavior::kIsolated:
      break;
    case SplitBehavior::kRemoved:
      std::erase_if(matches, [](const Match& match) { return match.is_match; });
      break;
    case SplitBehavior::kMergedWithPrevious:
      merge_with_previous(matches);
      break;
    case SplitBehavior::kMergedWithNext:
      merge_with_next(matches);
      break;
    case SplitBehavior::kContiguous:
      merge_contiguous(matches);
      break;
  }
  for (const Match& match : matches) {
    if (match.end > match.begin) {
      out.push_back({piece.begin + match.begin, piece.begin + match.end});
    }
  }
}

}  // namespace cutaway::tokenizer
