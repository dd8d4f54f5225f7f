// The prompts of a call: text from -p and --prompt-file, or ids from --tokens.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/chat.h>
#include <cutaway/tokenizer.h>

#include "options.h"

namespace cutaway::cli {

struct Prompt {
  std::optional<std::string> text;  ///< absent: given as ids
  Encoding encoding;                ///< of ids given as ids, only `ids` is filled
  const std::vector<TokenId>& ids() const noexcept { return encoding.ids; }
};

/// Every prompt, -p first, then the file (one prompt: the whole file, less one final newline).
/// `tokenizer` may be null if all are ids. throws ArgumentError if there are none or text and ids
/// are mixed, UnsupportedError for text without a tokenizer, IoError, FormatError.
/// With `chat` each text is a user's message, and `text` is what the template makes of it.
std::vector<Prompt> read_prompts(const CommonOptions& common, const Tokenizer* tokenizer,
                                 const std::optional<ChatTemplate>& chat = std::nullopt);
/// The template of --chat; nullopt without that option. `path` is the checkpoint's.
/// throws ArgumentError for options that do not go with it or need it, UnsupportedError if the
/// checkpoint has none, what ChatTemplate::load throws.
std::optional<ChatTemplate> chat_template_of(const CommonOptions& common,
                                             const std::filesystem::path& path);
bool has_prompts(const CommonOptions& common) noexcept;
/// throws ArgumentError naming the first prompt without a token.
void require_tokens(std::span<const Prompt> prompts);

/// The ids of all, for `Model::run`.
std::vector<std::vector<TokenId>> batch_of(std::span<const Prompt> prompts);

/// The vocabulary's spelling, or nothing if there is no tokenizer or it does not know the id (a
/// padded embedding has rows without a token).
std::optional<std::string> piece_of(const Tokenizer* tokenizer, TokenId id);
/// The text that an id stands for, alone; "<id 17>" without a tokenizer.
std::string text_of(const Tokenizer* tokenizer, TokenId id);

}  // namespace cutaway::cli
