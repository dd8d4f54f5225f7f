// What a ChatTemplate holds.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cutaway/chat.h>

#include "chat/ast.h"

namespace cutaway {

struct ChatTemplate::Impl {
  struct Variant {
    std::string name;
    std::string source;
    std::shared_ptr<const chat::Block> block;
  };
  std::string origin;
  std::vector<Variant> variants;  ///< at least one
  std::vector<std::pair<std::string, std::string>> special_tokens;

  /// throws FormatError, UnsupportedError.
  void add(std::string name, std::string source);
};

}  // namespace cutaway
