// Text of tokens as they come, in complete UTF-8 characters.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <cutaway/tokenizer.h>

namespace cutaway::cli {

/// A token may be part of a character, and some decoders treat the first token of a text
/// differently. So each step decodes from the last tokens whose text is out and takes what is new;
/// text that ends in an unfinished character waits. The sum of all parts equals decoding everything
/// at once. Special tokens are left out.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  /// What can be shown after this token; may be empty.
  std::string push(TokenId id);
  /// The rest, finished or not.
  std::string finish();

 private:
  std::string take(bool all);
  const Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
  std::size_t context_ = 0;  // decode from here
  std::size_t shown_ = 0;    // tokens before this one are out
};

}  // namespace cutaway::cli
