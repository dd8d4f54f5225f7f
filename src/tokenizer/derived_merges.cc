#include "tokenizer/derived_merges.h"

#include <algorithm>
#include <vector>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr std::size_t kMostCuts = 32;

struct Cut {
  double score;
  TokenId left;
  TokenId right;
  TokenId whole;
  std::uint32_t left_length;  // code points
  std::uint32_t right_length;
};

std::uint32_t code_points(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::vector<Cut> find_cuts(const Vocabulary& vocabulary, std::span<const double> scores,
                           const std::string& origin) {
  const std::size_t most = kMostCuts * vocabulary.size() + 1024;
  std::vector<Cut> cuts;
  for (TokenId whole = 0; static_cast<std::size_t>(whole) < vocabulary.id_end(); ++whole) {
    if (!vocabulary.has(whole)) continue;
    const double score = scores[static_cast<std::size_t>(whole)];
    if (score == kNeverMerges) continue;
    const std::string_view piece = vocabulary.piece(whole);
    std::uint64_t hash = 0;
    std::uint32_t left_length = 0;
    std::uint32_t length = 0;
    for (std::size_t at = 0; at < piece.size(); ++at) {
      if (at > 0 && !is_continuation(piece[at])) {
        ++left_length;
        if (const auto left = vocabulary.find(piece.substr(0, at), hash)) {
          if (const auto right = vocabulary.find(piece.substr(at))) {
            if (length == 0) length = code_points(piece);
            cuts.push_back({score, *left, *right, whole, left_length, length - left_length});
          }
        }
      }
      hash = Vocabulary::extend_hash(hash, piece[at]);
    }
    if (cuts.size() > most) {
      throw FormatError(origin,
                        fmt::format("the vocabulary of {} pieces can be cut in more than {} "
                                    "ways, expected about two a piece",
                                    vocabulary.size(), most));
    }
  }
  return cuts;
}

}  // namespace

MergeTable derive_merges(const Vocabulary& vocabulary, std::span<const double> scores,
                         const std::string& origin) {
  std::vector<Cut> cuts = find_cuts(vocabulary, scores, origin);
  std::stable_sort(cuts.begin(), cuts.end(), [](const Cut& a, const Cut& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.left_length != b.left_length) return a.left_length > b.left_length;
    return a.right_length > b.right_length;
  });
  MergeTable merges;
  merges.reserve(cuts.size());
  std::uint32_t rank = 0;
  for (const Cut& cut : cuts) merges.set(cut.left, cut.right, {rank++, cut.whole});
  return merges;
}

MergeTable rank_merges(const Vocabulary& vocabulary, std::span<const double> scores,
                       const std::string& origin) {
  const std::vector<Cut> cuts = find_cuts(vocabulary, scores, origin);
  MergeTable merges;
  merges.reserve(cuts.size());
  for (const Cut& cut : cuts) {
    merges.set(cut.left, cut.right, {static_cast<std::uint32_t>(cut.whole), cut.whole});
  }
  return merges;
}

}  // namespace cutaway::tokenizer
