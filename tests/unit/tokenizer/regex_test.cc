#include "tokenizer/regex.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tokenizer/code_set.h"
#include "tokenizer/regex_rewrite.h"

namespace cutaway::tokenizer {
namespace {

// "[a]b[c]": matches in brackets.
std::string marked(const std::string& pattern, const std::string& text) {
  std::vector<Match> matches;
  Regex::compile(pattern, "test", "pattern").match(text, matches);
  std::string out;
  std::size_t covered = 0;
  for (const Match& match : matches) {
    EXPECT_EQ(match.begin, covered);
    covered = match.end;
    const std::string part = text.substr(match.begin, match.end - match.begin);
    out += match.is_match ? '[' + part + ']' : part;
  }
  EXPECT_EQ(covered, text.size());
  return out;
}

// The number of members of each set as tokenizers 0.23.3 itself matches them, over all code points.
TEST(NamedSet, HasAsManyMembersAsInTokenizers) {
  const std::pair<const char*, std::size_t> expected[] = {
      {"word", 144665}, {"alnum", 143519}, {"L", 141028},   {"N", 1911},   {"P", 855},
      {"Punct", 855},   {"Han", 99030},    {"Hani", 99030}, {"space", 25}, {"xdigit", 22},
  };
  for (const auto& [name, size] : expected) {
    const auto set = named_set(name);
    ASSERT_TRUE(set) << name;
    std::size_t found = 0;
    for (const CodeSet::Range& range : set->ranges()) found += range.last - range.first + 1;
    EXPECT_EQ(found, size) << name;
  }
  EXPECT_FALSE(named_set("Klingon"));
}

TEST(CodeSet, ComplementAndIntersectionKnowTheEdges) {
  CodeSet set(0, 'z');
  set.add(0x10FFFF, 0x10FFFF);
  const CodeSet rest = set.complement();
  EXPECT_FALSE(rest.contains('z'));
  EXPECT_TRUE(rest.contains('z' + 1));
  EXPECT_FALSE(rest.contains(0xD800));  // a surrogate is no character
  EXPECT_FALSE(rest.contains(0x10FFFF));
  EXPECT_TRUE(CodeSet().complement().complement().ranges().empty());
  EXPECT_EQ(CodeSet('a', 'm').intersection(CodeSet('k', 'z')).ranges().size(), 1u);
}

TEST(Regex, MatchesCoverTheText) {
  EXPECT_EQ(marked("b+", "abbc"), "a[bb]c");
  EXPECT_EQ(marked("x", "abc"), "abc");
  EXPECT_EQ(marked("a|", "aba"), "[a]b[a]");  // no empty match right behind another
  EXPECT_EQ(marked("", "ab"), "[]a[]b[]");
}

TEST(Regex, FollowsRubyWherePerlDiffers) {
  EXPECT_EQ(marked("a{2}?", "aaa"), "[aa]a[]");           // an optional interval
  EXPECT_EQ(marked("a{1,2}+b", "aaab"), "[aaab]");        // a repeated one
  EXPECT_EQ(marked("a{,2}b", "aaab"), "a[aab]");          // from nothing
  EXPECT_EQ(marked("^b$", "a\nb\nc"), "a\n[b]\nc");       // lines, always
  EXPECT_EQ(marked("(?m:a.b)", "a\nb"), "[a\nb]");        // m is for newlines
  EXPECT_EQ(marked("x(?i)a|B", "xAxb"), "[xA][xb]");      // an option reaches past "|"
  EXPECT_EQ(marked("\\v", "a\vb\nc"), "a[\v]b\nc");       // one character
  EXPECT_EQ(marked("\\h+", "xff0g"), "x[ff0]g");          // hexadecimal
  EXPECT_EQ(marked("[a-d&&[^b]]+", "abcd"), "[a]b[cd]");  // intersection
}

TEST(Regex, ClassesAreUnicode16) {
  // U+1C89 came with Unicode 16; the system's PCRE2 may be older.
  EXPECT_EQ(marked("\\p{L}", "-\xE1\xB2\x89-"), "-[\xE1\xB2\x89]-");
  EXPECT_EQ(marked("\\w+", "a\xC2\xB2 b"), "[a\xC2\xB2] [b]");    // Oniguruma's quirk ...
  EXPECT_EQ(marked("[\\w]+", "a\xC2\xB2 b"), "[a]\xC2\xB2 [b]");  // ... outside of classes only
}

TEST(Regex, GivesUpOnAPatternThatExplodes) {
  const Regex regex = Regex::compile("(a+)+$", "file", "pattern");
  std::vector<Match> matches;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(regex.match(std::string(5000, 'a') + "b", matches), UnsupportedError);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Regex, ALongRunNeedsNoDeepStack) {
  const std::string run(200000, 'a');
  EXPECT_EQ(marked("(?:a|b)+", run), '[' + run + ']');
  const std::string spaces(1 << 20, ' ');
  EXPECT_EQ(marked("\\s+(?!\\S)|\\s+", spaces), '[' + spaces + ']');
}

TEST(Regex, NamesWhatItDoesNotUnderstand) {
  for (const char* pattern :
       {"(?~a)", "\\p{Klingon}", "a)", "[a", "\\X", "(?(1)a)", "*", "(?x)a"}) {
    try {
      Regex::compile(pattern, "file", "field");
      ADD_FAILURE() << pattern;
    } catch (const UnsupportedError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("file: field 'field'", 0), 0u) << error.what();
    }
  }
}

}  // namespace
}  // namespace cutaway::tokenizer
