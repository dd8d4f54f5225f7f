// Oniguruma's regular expressions (tokenizers' engine) in the words of PCRE2 (ours).
#pragma once

#include <string>
#include <string_view>

namespace cutaway::tokenizer {

/// A pattern for PCRE2 (UTF, multi-line, newline is LF, without UCP) that matches what `pattern`
/// matches in Oniguruma's Ruby syntax. Every character class is spelled out as ranges of Unicode
/// 16, since PCRE2's tables are older; options, intervals and \b are translated where the two
/// differ.
///
/// throws UnsupportedError("ORIGIN: field 'WHERE' ...") for what has no translation here: absent
/// operators, conditions, \X, \y, unknown properties.
std::string rewrite_regex(std::string_view pattern, const std::string& origin,
                          const std::string& where);

}  // namespace cutaway::tokenizer
