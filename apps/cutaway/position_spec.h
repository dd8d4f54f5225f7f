// Positions as they are typed: numbers, or the end of some words of the prompt.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <cutaway/hooks.h>

#include "prompts.h"

namespace cutaway::cli {

/// `subject:"Eiffel Tower"`: the last token of the first place where the prompt holds these words.
struct Subject {
  std::string words;
};

using PositionSpec = std::variant<Positions, Subject>;

/// "3", "-1", "2:5", "0,3,7", "all", `subject:"words"` (the quotes may be missing: shells take them
/// away). throws ArgumentError with `name` as its subject.
PositionSpec parse_positions(std::string_view name, std::string_view text);

/// throws ArgumentError if the prompt does not hold the words, or was given as ids.
Positions resolve(const PositionSpec& spec, const Prompt& prompt, std::string_view name);
/// One answer for all prompts: throws ArgumentError if the words end at different tokens.
Positions resolve(const PositionSpec& spec, std::span<const Prompt> prompts, std::string_view name);

/// "3", "0:12", "0,3,7", "-1", "all" of a model with `n_layers`. throws ArgumentError.
std::vector<int> parse_layers(std::string_view text, int n_layers);

}  // namespace cutaway::cli
