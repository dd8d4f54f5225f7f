// What is added around the tokens of a text (BOS, EOS), and GPT-2's trimming of offsets.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

/// A token on its way out. `piece` points into the vocabulary, the text or a template.
struct Item {
  TokenId id = kNoToken;
  std::string_view piece;
  Origin chars{0, 0};  ///< code points of the input
  bool special = false;
};

/// White space at the ends of a token no longer counts as its text, except (with
/// `add_prefix_space`) a single leading one of the first token, which was not in the input.
struct TrimOffsets {
  bool add_prefix_space = true;
};

struct Template {
  struct Part {
    bool is_text = false;  ///< the text's tokens; else the special tokens below
    std::vector<TokenId> ids;
    std::vector<std::string> pieces;
  };
  std::vector<Part> parts;
};

/// [CLS] and [SEP] round the text, as BertProcessing and RobertaProcessing do.
struct Brackets {
  TokenId begin = kNoToken;
  TokenId end = kNoToken;
  std::string begin_piece;
  std::string end_piece;
  bool begins_others = false;  ///< `end` also in front of what an earlier processor put behind
};

using PostProcessor = std::variant<TrimOffsets, Template, Brackets>;

/// In the order given. At most one Template, and the items' number is what the result's will be.
std::vector<Item> post_process(const std::vector<PostProcessor>& processors,
                               std::vector<Item> items, bool add_special_tokens);

}  // namespace cutaway::tokenizer
