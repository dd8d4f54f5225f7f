// Text to token ids and back, exactly as Hugging Face `tokenizers` does it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway {

using TokenId = std::int32_t;

/// A half-open range of the text.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const TextRange&) const = default;
};

/// A text as tokens. All vectors have one entry a token. Tokens that the tokenizer adds by itself
/// (BOS ...) have the range [0, 0).
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<std::string> pieces;  ///< as in the vocabulary: "Ġ" and "▁" visible
  std::vector<TextRange> bytes;     ///< byte offsets into the UTF-8 text
  std::vector<TextRange> chars;     ///< the same in Unicode code points (what Python indexes)
  std::vector<bool> special;        ///< added by the post-processor, not read from the text
};

/// Immutable after loading; safe to use from several threads. A cheap handle: copies share the
/// tables.
class Tokenizer {
 public:
  /// `path`: a `tokenizer.json`, a `tekken.json` (Mistral), a tiktoken list of base64 tokens and
  /// ranks (`*.tiktoken`, or `tokenizer.model` in that form), a `.gguf` with an embedded
  /// vocabulary, or a folder that holds one of the first three, in that order of preference.
  ///
  /// `truncation` and `padding` in a tokenizer.json are not applied: they are settings of a
  /// training run, which transformers switches off too unless a call asks for them. A tiktoken list
  /// has no special tokens and no pattern of its own: only the published lists are known, by their
  /// length (GPT-2, GPT-4, GPT-4o, Llama 3, Qwen).
  ///
  /// throws IoError, FormatError, UnsupportedError (a part that this version does not know, named;
  /// BPE dropout; a SentencePiece `tokenizer.model`), ArgumentError (a folder with several lists).
  static Tokenizer load(const std::filesystem::path& path);

  /// throws FormatError if `text` is not UTF-8 (naming the byte offset), ArgumentError if it needs
  /// an unknown token that the vocabulary lacks, UnsupportedError if a regular expression of the
  /// file takes more than a million steps for one match.
  std::vector<TokenId> encode(std::string_view text, bool add_special_tokens = true) const;
  Encoding encode_with_offsets(std::string_view text, bool add_special_tokens = true) const;

  /// throws ArgumentError for an id that is not in the vocabulary.
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens = false) const;

  /// The vocabulary's spelling of an id ("ĠParis"). throws ArgumentError if out of range.
  const std::string& piece(TokenId id) const;
  std::optional<TokenId> id(std::string_view piece) const;
  /// The one id that `text` encodes to without special tokens (" Paris" → 7042).
  /// throws ArgumentError, listing the pieces, if it is not exactly one token.
  TokenId single_token(std::string_view text) const;

  /// Number of ids, added tokens included.
  std::size_t vocab_size() const noexcept;
  bool is_special(TokenId id) const noexcept;
  std::optional<TokenId> bos() const noexcept;
  std::optional<TokenId> eos() const noexcept;

  struct Impl;
  explicit Tokenizer(std::shared_ptr<const Impl> impl);

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace cutaway
