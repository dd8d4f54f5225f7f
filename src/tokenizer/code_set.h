// Sets of code points, and the sets that regular expressions have names for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway::tokenizer {

class CodeSet {
 public:
  struct Range {
    char32_t first;
    char32_t last;
  };
  CodeSet() = default;
  CodeSet(char32_t first, char32_t last) : ranges_{{first, last}} {}

  void add(char32_t first, char32_t last) { ranges_.push_back({first, last}); }
  void add(const CodeSet& other);
  /// All code points but surrogates that are not in this set.
  CodeSet complement() const;
  CodeSet intersection(const CodeSet& other) const;

  /// In order, neither touching nor overlapping.
  std::vector<Range> ranges() const;
  bool contains(char32_t c) const;

 private:
  std::vector<Range> ranges_;  // in any order
};

/// What \p{name} means to tokenizers' regular expressions: a general category, a script, a POSIX
/// class or one of a few binary properties, of Unicode 16. Case, spaces, "-" and "_" do not count.
std::optional<CodeSet> named_set(std::string_view name);

}  // namespace cutaway::tokenizer
