// Places in a prompt's text, as `tokens` takes them: --span NAME=TEXT and --char N.
#pragma once

#include <string>
#include <vector>

#include <cutaway/token_positions.h>

#include "prompts.h"

namespace cutaway::cli {

/// A label for each token of the prompt (label_spans); empty without spans. TEXT is taken where it
/// first stands. throws ArgumentError for a span without NAME= or whose TEXT is not in the prompt.
std::vector<std::string> span_labels(const std::vector<std::string>& spans, const Prompt& prompt);
/// The tokens of characters (convert_positions). throws ArgumentError for what is no number.
std::vector<PositionMatch> char_matches(const std::vector<std::string>& chars,
                                        const Prompt& prompt);
/// throws ArgumentError if places are asked for in a prompt that is ids, without a text.
void require_text(const TokensOptions& options, const std::vector<Prompt>& prompts);

}  // namespace cutaway::cli
