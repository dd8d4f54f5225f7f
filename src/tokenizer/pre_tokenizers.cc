#include "tokenizer/pre_tokenizers.h"

#include "tokenizer/byte_level.h"
#include "tokenizer/normalizers.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

struct Apply {
  Pieces& pieces;

  void operator()(const ByteLevelSplit& byte_level) const {
    if (byte_level.add_prefix_space) {
      rewrite_pieces(pieces, [](std::string_view text, const Origin* origins, Pieces& out) {
        append_prepended(text.starts_with(' ') ? "" : " ", text, origins, out);
      });
    }
    if (byte_level.use_regex) {
      split_pieces(pieces, SplitBehavior::kIsolated,
                   [](std::string_view text, std::vector<Match>& matches) {
                     match_pattern(KnownPattern::kGpt2, text, matches);
                   });
    }
    rewrite_pieces(pieces, [](std::string_view text, const Origin* origins, Pieces& out) {
      for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view spelling = byte_to_piece(static_cast<unsigned char>(text[i]));
        out.text.append(spelling);
        out.origins.insert(out.origins.end(), spelling.size(), origins[i]);
      }
    });
  }

  void operator()(const PatternSplit& split) const {
    split_pieces(pieces, split.behavior, [&](std::string_view text, std::vector<Match>& matches) {
      if (const auto* known = std::get_if<KnownPattern>(&split.pattern)) {
        match_pattern(*known, text, matches);
      } else {
        match_literal(std::get<std::string>(split.pattern), text, matches);
      }
      if (split.invert) {
        for (Match& match : matches) match.is_match = !match.is_match;
      }
    });
  }

  void operator()(const DigitsSplit& digits) const {
    split_pieces(pieces,
                 digits.individual_digits ? SplitBehavior::kIsolated : SplitBehavior::kContiguous,
                 [](std::string_view text, std::vector<Match>& matches) {
                   match_class(kNumeric, text, matches);
                 });
  }

  void operator()(const MetaspaceSplit& metaspace) const {
    using Prepend = MetaspaceSplit::Prepend;
    const Replace replace{" ", metaspace.replacement};
    rewrite_pieces(pieces, [&](std::string_view text, const Origin* origins, Pieces& out) {
      const bool starts = text.starts_with(' ') || text.starts_with(metaspace.replacement);
      const bool wants = metaspace.prepend == Prepend::kAlways ||
                         (metaspace.prepend == Prepend::kFirst && origins[0].begin == 0);
      if (!starts && wants) append_prepended(metaspace.replacement, "", origins, out);
      append_replaced(replace, text, origins, out);
    });
    if (!metaspace.split) return;
    split_pieces(pieces, SplitBehavior::kMergedWithNext,
                 [&](std::string_view text, std::vector<Match>& matches) {
                   match_literal(metaspace.replacement, text, matches);
                 });
  }
};

}  // namespace

void pre_tokenize(const std::vector<PreTokenizer>& pre_tokenizers, Pieces& pieces) {
  for (const PreTokenizer& pre_tokenizer : pre_tokenizers) std::visit(Apply{pieces}, pre_tokenizer);
}

}  // namespace cutaway::tokenizer
