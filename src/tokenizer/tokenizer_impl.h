// Everything that a loaded tokenizer is made of, and the two ways to load one.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cutaway/tokenizer.h>

#include "io/gguf.h"
#include "io/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoders.h"
#include "tokenizer/normalizers.h"
#include "tokenizer/post_processors.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/token_model.h"

namespace cutaway {

struct Tokenizer::Impl {
  Impl(std::string origin_, tokenizer::TokenModel model_)
      : origin(std::move(origin_)), model(std::move(model_)) {}

  std::string origin;           ///< the file, for messages
  tokenizer::TokenModel model;  ///< never sees the added tokens, unless its vocabulary has them too
  std::size_t vocab_size = 0;   ///< with the added tokens
  tokenizer::AddedTokens added;
  std::vector<tokenizer::Normalizer> normalizers;
  std::vector<tokenizer::PreTokenizer> pre_tokenizers;
  std::vector<tokenizer::PostProcessor> post_processors;
  std::vector<tokenizer::Decoder> decoders;
  bool has_decoder = false;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;

  /// nullptr if there is no such id. An added token's content stands before the model's spelling.
  const std::string* piece(TokenId id) const noexcept;
  std::optional<TokenId> id(std::string_view piece) const;

  /// The tokens of valid UTF-8, post-processed. `pieces` outlives the items. Without offsets only
  /// ids are right.
  std::vector<tokenizer::Item> encode(std::string_view text, bool add_special_tokens,
                                      bool with_offsets, tokenizer::Pieces& pieces) const;
};

namespace tokenizer {

/// Bounds a hostile file can push against: a longer prefix or replacement is UnsupportedError,
/// since each space of a text could become that long.
inline constexpr std::size_t kLongestReplacement = 256;
/// Longer texts are refused: offsets are 32 bits, and rewriting may lengthen the text.
inline constexpr std::size_t kLongestText = std::size_t{1} << 28;

/// throws IoError, FormatError, UnsupportedError, as Tokenizer::load.
std::shared_ptr<const Tokenizer::Impl> load_file(const std::filesystem::path& path);
std::shared_ptr<const Tokenizer::Impl> load_json(const std::filesystem::path& file);
/// The document alone: no neighbours, so neither bos nor eos.
std::shared_ptr<Tokenizer::Impl> parse_tokenizer(const io::Json& json, const std::string& origin);
/// Mistral's tekken.json: byte strings by rank, a pattern, special tokens in front of the ranks.
/// Special tokens are found in the text, and <s> is put in front, as in the tokenizer.json files
/// made of it.
std::shared_ptr<const Tokenizer::Impl> parse_tekken(const io::Json& json,
                                                    const std::string& origin);
/// tiktoken's list of byte strings in base64 and their ranks, which names neither its pattern nor
/// its special tokens: `pattern`, or else the one of the published list of that length. No special
/// tokens.
std::shared_ptr<const Tokenizer::Impl> parse_tiktoken(std::string_view text,
                                                      const std::string& origin,
                                                      std::optional<KnownPattern> pattern = {});
/// From a file that is already read, so that a model and its tokenizer share one mapping.
std::shared_ptr<const Tokenizer::Impl> load_gguf(const io::GgufFile& file);

/// Gives the added tokens to `impl`, whose model and normalizers are there. As in tokenizers, a
/// content that the model knows has the model's id, and new ones follow behind the vocabulary in
/// order. throws FormatError, naming `where`, if a token's id is another, or if two tokens look the
/// same in the text.
void add_tokens(Tokenizer::Impl& impl, std::vector<AddedToken> tokens, std::string_view where);

}  // namespace tokenizer
}  // namespace cutaway
