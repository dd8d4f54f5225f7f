#include "text.h"

#include <cmath>

#include <gtest/gtest.h>

#include "table.h"

namespace cutaway::cli {
namespace {

TEST(Probability, KeepsTheDigitsThatMatter) {
  EXPECT_EQ(format_probability(1.0), "100.0%");
  EXPECT_EQ(format_probability(0.1234), "12.3%");
  EXPECT_EQ(format_probability(0.01), "1.0%");
  EXPECT_EQ(format_probability(0.00123), "0.123%");
  EXPECT_EQ(format_probability(0.0001), "0.010%");
  EXPECT_EQ(format_probability(1.2e-6), "1.2e-4%");
  EXPECT_EQ(format_probability(3.4e-14), "3.4e-12%");
  EXPECT_EQ(format_probability(0.0), "0.0e0%");
  EXPECT_EQ(format_probability(std::nan("")), "nan");
}

TEST(Escape, LeavesNothingThatMovesTheCursor) {
  EXPECT_EQ(escape("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(escape("\x1b[31mred"), "\\u{1b}[31mred");
  EXPECT_EQ(escape("\xE2\x80\xAE"), "\\u{202e}");  // right-to-left override
  EXPECT_EQ(escape("\xC2\x9B"), "\\u{9b}");        // the one-character form of ESC [
  EXPECT_EQ(escape("\xE2\x82"), "\\xe2\\x82");     // an unfinished character
  EXPECT_EQ(escape(" é日本"), " é日本");
}

TEST(Width, CountsWideAndCombiningCharacters) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);  // e + combining acute
}

TEST(Fit, GivesExactlyTheWidth) {
  EXPECT_EQ(fit("ab", 4), "ab  ");
  EXPECT_EQ(fit("ab", 4, true), "  ab");
  EXPECT_EQ(fit("abcdef", 4), "abc…");
  EXPECT_EQ(fit("日本語", 4), "日… ");  // half a character does not fit
  for (std::size_t width = 1; width < 9; ++width) {
    EXPECT_EQ(display_width(fit("日本 wide", width)), width);
  }
}

TEST(Utf8, TellsHowManyBytesWait) {
  EXPECT_EQ(unfinished_utf8(""), 0U);
  EXPECT_EQ(unfinished_utf8("a"), 0U);
  EXPECT_EQ(unfinished_utf8("é"), 0U);
  EXPECT_EQ(unfinished_utf8("a\xC3"), 1U);
  EXPECT_EQ(unfinished_utf8("\xE2\x82"), 2U);
  EXPECT_EQ(unfinished_utf8("\xF0\x9F\x98"), 3U);
  EXPECT_EQ(unfinished_utf8("\xF0\x9F\x98\x80"), 0U);
}

TEST(Table, LinesUpAndLeavesNoSpacesAtTheEnd) {
  Table table;
  table.column("n", Table::Align::kRight);
  table.column("word");
  table.row({"1", "日本"});
  table.row({"22", "a"});
  EXPECT_EQ(table.to_string(), " n  word\n 1  日本\n22  a\n");
}

}  // namespace
}  // namespace cutaway::cli
