#include "tokenizer/pre_tokenizers.h"

#include <algorithm>

#include "tokenizer/byte_level.h"
#include "tokenizer/normalizers.h"
#include "tokenizer/properties.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

void match_spaces(std::string_view text, std::vector<Match>& matches) {
  match_class(kSpace, text, matches);
}

void match_punctuation(std::string_view text, std::vector<Match>& matches) {
  match_if([](char32_t c) { return has_flag(c, kPunctuation); }, text, matches);
}

struct Apply {
  Pieces& pieces;

  void operator()(const ByteLevelSplit& byte_level) const {
    if (byte_level.add_prefix_space) {
      rewrite_pieces(pieces, [](Stretch stretch, Pieces& out) {
        append_prepended(stretch.text.starts_with(' ') ? "" : " ", stretch, out);
      });
    }
    if (byte_level.use_regex) {
      split_pieces(pieces, SplitBehavior::kIsolated,
                   [](std::string_view text, std::vector<Match>& matches) {
                     match_pattern(KnownPattern::kGpt2, text, matches);
                   });
    }
    rewrite_pieces(pieces, append_spelled);
  }

  void operator()(const PatternSplit& split) const {
    split_pieces(pieces, split.behavior, [&](std::string_view text, std::vector<Match>& matches) {
      split.pattern.match(text, matches);
      if (split.invert) {
        for (Match& match : matches) match.is_match = !match.is_match;
      }
    });
  }

  void operator()(const BertSplit&) const {
    split_pieces(pieces, SplitBehavior::kRemoved, match_spaces);
    split_pieces(pieces, SplitBehavior::kIsolated, match_punctuation);
  }
  void operator()(const PunctuationSplit& punctuation) const {
    split_pieces(pieces, punctuation.behavior, match_punctuation);
  }
  void operator()(const WhiteSpaceSplit&) const {
    split_pieces(pieces, SplitBehavior::kRemoved, match_spaces);
  }

  void operator()(const WordSplit&) const {
    const auto kind = [](char32_t c) { return is(c, kSpace) ? 0 : is(c, kWord) ? 1 : 2; };
    split_pieces(
        pieces, SplitBehavior::kRemoved, [&](std::string_view text, std::vector<Match>& matches) {
          for (std::size_t pos = 0; pos < text.size();) {
            const std::size_t begin = pos;
            const int first = kind(next_code_point(text, pos));
            for (std::size_t at = pos; at < text.size(); pos = at) {
              if (kind(next_code_point(text, at)) != first) break;
            }
            matches.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(pos), first == 0});
          }
        });
  }

  void operator()(const FixedLengthSplit& fixed) const {
    split_pieces(
        pieces, SplitBehavior::kIsolated, [&](std::string_view text, std::vector<Match>& matches) {
          for (std::size_t pos = 0; pos < text.size();) {
            const std::size_t begin = pos;
            for (std::size_t i = 0; i < fixed.length && pos < text.size(); ++i) {
              pos += utf8_length(text[pos]);
            }
            matches.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(pos), true});
          }
        });
  }

  void operator()(const ScriptSplit&) const {
    // What comes before the first character with a script of its own is marked as a match, to go.
    split_pieces(
        pieces, SplitBehavior::kRemoved, [](std::string_view text, std::vector<Match>& matches) {
          std::uint16_t last = 0;
          std::size_t begin = 0;
          const auto cut = [&](std::size_t end) {
            matches.push_back(
                {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), last == 0});
            begin = end;
          };
          for (std::size_t pos = 0; pos < text.size();) {
            const std::size_t at = pos;
            const std::uint16_t script = old_script(next_code_point(text, pos));
            if (script == 0) continue;
            if (script != last) cut(at);
            last = script;
          }
          cut(text.size());
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
    rewrite_pieces(pieces, [&](Stretch stretch, Pieces& out) {
      const bool starts =
          stretch.text.starts_with(' ') || stretch.text.starts_with(metaspace.replacement);
      const bool wants = metaspace.prepend == Prepend::kAlways ||
                         (metaspace.prepend == Prepend::kFirst && stretch.origin(0).begin == 0);
      if (!starts && wants) out.append(metaspace.replacement, stretch.origin(0));
      append_replaced(" ", metaspace.replacement, stretch, out);
    });
    if (!metaspace.split) return;
    split_pieces(pieces, SplitBehavior::kMergedWithNext,
                 [&](std::string_view text, std::vector<Match>& matches) {
                   match_literal(metaspace.replacement, text, matches);
                 });
  }
};

}  // namespace

bool needs_origins(const std::vector<PreTokenizer>& pre_tokenizers) noexcept {
  return std::any_of(pre_tokenizers.begin(), pre_tokenizers.end(), [](const PreTokenizer& part) {
    const auto* metaspace = std::get_if<MetaspaceSplit>(&part);
    return metaspace != nullptr && metaspace->prepend == MetaspaceSplit::Prepend::kFirst;
  });
}

void pre_tokenize(const std::vector<PreTokenizer>& pre_tokenizers, Pieces& pieces) {
  for (const PreTokenizer& pre_tokenizer : pre_tokenizers) std::visit(Apply{pieces}, pre_tokenizer);
}

}  // namespace cutaway::tokenizer
