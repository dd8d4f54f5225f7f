#include "tokenizer/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "tokenizer/byte_level.h"

namespace cutaway::tokenizer {
namespace {

// The members of each class as tokenizers 0.23.3 itself matches them, code point by code point:
// their number and the FNV-1a hash of their 32-bit little-endian values in order.
// tools/make_unicode_tables.py --check asks tokenizers directly.
struct Class {
  ClassBit bit;
  int members;
  std::uint64_t hash;
};
constexpr Class kClasses[] = {
    {kLetter, 141028, 0xF41BF72239455B4FU},      {kNumber, 1911, 0xD15586EE8A145A41U},
    {kSpace, 25, 0x07DB14E6E1F1A2F5U},           {kMark, 2501, 0xD996D5F3B9390F58U},
    {kUpperOrMark, 141271, 0x2A29989151F6EB3AU}, {kLowerOrMark, 141640, 0xB73D44CA85448CF6U},
    {kWord, 144667, 0x156E6C7C1C2C0C26U},        {kNumeric, 1924, 0xA1B06BE6929373BBU},
};

TEST(Unicode, ClassesAreThoseOfTokenizersForEveryCodePoint) {
  for (const Class& expected : kClasses) {
    int members = 0;
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if ((c >= 0xD800 && c <= 0xDFFF) || !is(c, expected.bit)) continue;
      ++members;
      for (int shift = 0; shift < 32; shift += 8) {
        hash = (hash ^ (c >> shift & 0xFF)) * 0x100000001B3U;
      }
    }
    EXPECT_EQ(members, expected.members) << "bit " << int{expected.bit};
    EXPECT_EQ(hash, expected.hash) << "bit " << int{expected.bit};
  }
}

TEST(Unicode, EncodingAndDecodingACodePointRoundTrips) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(utf8_length(text[0]), text.size());
    std::size_t pos = 0;
    ASSERT_EQ(next_code_point(text, pos), c);
    ASSERT_EQ(previous_code_point(text, pos), c);
    ASSERT_EQ(pos, 0u);
    ASSERT_FALSE(first_invalid_utf8(text));
  }
}

TEST(Unicode, IllFormedSequencesAreFoundWhereTheyStart) {
  EXPECT_EQ(first_invalid_utf8("ab\xFF"), 2u);
  EXPECT_EQ(first_invalid_utf8("\xC0\x80"), 0u);          // overlong
  EXPECT_EQ(first_invalid_utf8("a\xED\xA0\x80"), 1u);     // a surrogate
  EXPECT_EQ(first_invalid_utf8("\xF4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(first_invalid_utf8("x\xE2\x82"), 1u);         // cut
}

TEST(Unicode, EachMaximalIllFormedPartBecomesOneReplacementCharacter) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("a\xE2\x82z"), "a" + mark + "z");
  EXPECT_EQ(to_valid_utf8("\xFF\xFE"), mark + mark);
  EXPECT_EQ(to_valid_utf8("\xF0\x9F\x98"), mark);
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), mark + mark + mark);
}

TEST(ByteLevel, EveryByteHasItsOwnPrintableSpelling) {
  EXPECT_EQ(byte_to_piece(' '), "\xC4\xA0");   // Ġ
  EXPECT_EQ(byte_to_piece('\n'), "\xC4\x8A");  // Ċ
  EXPECT_EQ(byte_to_piece('A'), "A");
  for (unsigned b = 0; b < 256; ++b) {
    std::string bytes;
    append_spelled_bytes(bytes, byte_to_piece(static_cast<unsigned char>(b)));
    EXPECT_EQ(bytes, std::string(1, static_cast<char>(b)));
  }
  std::string text;
  append_spelled_bytes(text, "a b");  // a space spells no byte, so the piece stands for itself
  EXPECT_EQ(text, "a b");
}

}  // namespace
}  // namespace cutaway::tokenizer
