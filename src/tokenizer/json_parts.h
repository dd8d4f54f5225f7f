// The sections of a tokenizer.json, each to its own value.
#pragma once

#include <optional>
#include <vector>

#include "io/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoders.h"
#include "tokenizer/normalizers.h"
#include "tokenizer/post_processors.h"
#include "tokenizer/pre_tokenizers.h"
#include "tokenizer/token_model.h"

namespace cutaway::tokenizer {

// All throw FormatError for what no version of tokenizers would accept, and UnsupportedError,
// naming it, for what this one does not handle. A null section gives an empty list.

TokenModel parse_model(const io::Json& json);
std::vector<Normalizer> parse_normalizers(const io::Json& json);
std::vector<PreTokenizer> parse_pre_tokenizers(const io::Json& json);
std::vector<PostProcessor> parse_post_processors(const io::Json& json);
std::vector<Decoder> parse_decoders(const io::Json& json);
std::vector<AddedToken> parse_added_tokens(const io::Json& json);

}  // namespace cutaway::tokenizer
