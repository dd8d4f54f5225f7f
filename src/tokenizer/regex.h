// Regular expressions that nobody matched by hand, through PCRE2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pieces.h"

namespace cutaway::tokenizer {

/// A compiled expression with the meaning that it has in tokenizers (Oniguruma, Ruby syntax).
/// Immutable; safe to use from several threads.
class Regex {
 public:
  /// throws UnsupportedError, naming `origin` and the field `where`, for a pattern that is not
  /// understood.
  static Regex compile(std::string_view pattern, const std::string& origin,
                       const std::string& where);

  /// Appends the matches and the stretches between them; together they cover `text` (valid UTF-8).
  /// A match may be empty, but not right behind another one. throws UnsupportedError if a match
  /// takes more than a million steps, so that no pattern hangs.
  void match(std::string_view text, std::vector<Match>& out) const;

 private:
  struct Code;
  std::string origin_;
  std::string pattern_;
  std::shared_ptr<const Code> code_;
};

}  // namespace cutaway::tokenizer
