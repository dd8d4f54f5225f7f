// The fields that every command's JSON has: schema, model, tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <cutaway/lens.h>

#include "io/json_writer.h"
#include "prompts.h"

namespace cutaway::cli {

/// Opens the object and writes `schema` and `model` (null if there is none).
void begin_document(io::JsonWriter& json, std::string_view command,
                    const std::optional<std::string>& model);

/// `tokens`: every token of every prompt; `row` tells the prompt.
void write_tokens(io::JsonWriter& json, std::span<const Prompt> prompts,
                  const Tokenizer* tokenizer);

/// Inside an object: `id`, `piece` and `text`; the last two null without a tokenizer.
void write_token_name(io::JsonWriter& json, TokenId id, const Tokenizer* tokenizer);
/// The members `logit` and `prob`; a number that is not finite is null, and `reason` says so.
void write_token_scores(io::JsonWriter& json, const LensToken& token);
/// An array of objects with both.
void write_top(io::JsonWriter& json, std::span<const LensToken> top, const Tokenizer* tokenizer);

void write_strings(io::JsonWriter& json, std::string_view name,
                   std::span<const std::string> values);

}  // namespace cutaway::cli
