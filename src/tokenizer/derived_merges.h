// Merges for vocabularies that come without: every way to cut a piece into two other pieces.
#pragma once

#include <limits>
#include <span>
#include <string>

#include "tokenizer/merges.h"
#include "tokenizer/vocabulary.h"

namespace cutaway::tokenizer {

/// Scores of pieces that always merge first (user-defined ones), and of pieces that no merge gives
/// (control tokens and such).
inline constexpr double kMergesFirst = std::numeric_limits<double>::infinity();
inline constexpr double kNeverMerges = -std::numeric_limits<double>::infinity();

/// A SentencePiece vocabulary merges two neighbours whenever the joined text is a piece, the best
/// score first. Written out as ranked merges in the order of Hugging Face's converters: by score
/// (`scores` has one an id), then the longer left part, then the longer right part, then the
/// smaller id.
///
/// throws FormatError naming `origin` if the vocabulary has more than 32 cuts a piece on average
/// (real ones have two), which only a made-up one does.
MergeTable derive_merges(const Vocabulary& vocabulary, std::span<const double> scores,
                         const std::string& origin);

/// tiktoken's rule: two neighbours merge whenever the joined text is a piece, the smallest id first
/// and the leftmost of equals. `scores` only says which pieces no merge gives. throws as above.
MergeTable rank_merges(const Vocabulary& vocabulary, std::span<const double> scores,
                       const std::string& origin);

}  // namespace cutaway::tokenizer
