#include "tokenizer/normal_forms.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

std::string form_of(NormalForm form, std::string_view text) {
  const Pieces in = Pieces::of(text);
  Pieces out;
  if (!text.empty()) append_normal_form(form, {text, in.origins.data()}, out);
  EXPECT_EQ(out.text.size(), out.origins.size());
  return out.text;
}

// FNV-1a of the forms of all code points, one after the other, as tokenizers 0.23.3 gives them.
TEST(NormalForms, EveryCodePointNormalisesAsInTokenizers) {
  const std::pair<NormalForm, std::uint64_t> expected[] = {
      {NormalForm::kNfc, 0x23FC43766D7C2EB9U},
      {NormalForm::kNfd, 0x2D165BB5391680A1U},
      {NormalForm::kNfkc, 0x9D5B951DBC60F581U},
      {NormalForm::kNfkd, 0x46E757DFEEA21CAEU},
  };
  for (const auto& [form, hash] : expected) {
    std::uint64_t found = 0xCBF29CE484222325U;
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      std::string text;
      append_utf8(text, c);
      for (const char byte : form_of(form, text)) {
        found = (found ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
      }
    }
    EXPECT_EQ(found, hash) << "form " << static_cast<int>(form);
  }
}

TEST(NormalForms, AComposedCharacterStandsForItsFirstPart) {
  const std::string text = "ae\xCC\x81z";  // a, e, U+0301, z
  const Pieces in = Pieces::of(text);
  Pieces out;
  append_normal_form(NormalForm::kNfc, {text, in.origins.data()}, out);
  ASSERT_EQ(out.text, "a\xC3\xA9z");
  EXPECT_EQ(out.origins[1].begin, 1u);
  EXPECT_EQ(out.origins[2].end, 2u);  // the mark's bytes belong to no token: tokenizers' offsets
  EXPECT_EQ(out.origins[3].begin, 4u);
}

TEST(NormalForms, HangulComposesFromItsJamoOnly) {
  EXPECT_EQ(form_of(NormalForm::kNfc, "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB"), "\xED\x95\x9C");
  const std::string not_final = "\xEA\xB0\x80\xE1\x86\xA7";  // U+AC00 U+11A7
  EXPECT_EQ(form_of(NormalForm::kNfc, not_final), not_final);
}

TEST(NormalForms, MarksAreOrderedByClassAcrossTheFastPath) {
  // U+0301 (230) in front of U+0323 (220) after a letter of the fast path.
  EXPECT_EQ(form_of(NormalForm::kNfc, "xxa\xCC\x81\xCC\xA3yy"), "xx\xE1\xBA\xA1\xCC\x81yy");
  EXPECT_EQ(form_of(NormalForm::kNfd, "\xE1\xBA\xA1\xCC\x81"), "a\xCC\xA3\xCC\x81");
}

}  // namespace
}  // namespace cutaway::tokenizer
