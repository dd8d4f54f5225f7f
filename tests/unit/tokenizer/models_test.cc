#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "tokenizer/base64.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/graphemes.h"
#include "tokenizer/properties.h"
#include "tokenizer/token_model.h"
#include "tokenizer/trie.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

Vocabulary vocabulary_of(const std::vector<std::string>& pieces) {
  Vocabulary out;
  TokenId id = 0;
  for (const std::string& piece : pieces) {
    if (out.add(piece, id) != Vocabulary::Added::kYes) out.add_again(piece, id);
    ++id;
  }
  return out;
}

std::vector<TokenId> ids_of(const TokenModel& model, std::string_view word) {
  TokenModel::Scratch scratch(16);
  std::vector<Token> tokens;
  model.tokenize(word, scratch, tokens);
  std::vector<TokenId> ids;
  std::uint32_t at = 0;
  for (const Token& token : tokens) {
    ids.push_back(token.id);
    EXPECT_EQ(token.begin, at);
    at = token.end;
  }
  EXPECT_EQ(at, word.size());
  return ids;
}

using Ids = std::vector<TokenId>;

TEST(Trie, FindsWhatASetFinds) {
  std::mt19937 random(1);
  std::set<std::string> texts;
  while (texts.size() < 3000) {
    std::string text(1 + random() % 6, ' ');
    for (char& c : text)
      c = static_cast<char>(random() % 7 == 0 ? random() % 256 : 'a' + random() % 3);
    texts.insert(text);
  }
  std::vector<std::pair<std::string_view, std::int32_t>> entries;
  for (const std::string& text : texts) {
    entries.emplace_back(text, static_cast<std::int32_t>(entries.size()));
  }
  const auto expected = entries;
  const Trie trie(entries);
  const auto value = [&](std::string_view text) {
    std::uint32_t state = Trie::kRoot;
    for (const char c : text) {
      state = trie.step(state, c);
      if (state == Trie::kNowhere) return Trie::kNoValue;
    }
    return trie.value(state);
  };
  for (const auto& [text, id] : expected) EXPECT_EQ(value(text), id);
  for (int i = 0; i < 20000; ++i) {
    std::string text(1 + random() % 5, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 4);
    EXPECT_EQ(value(text) != Trie::kNoValue, texts.count(text) == 1);
  }
}

TEST(Unigram, TakesTheLargestSumAndTheFirstOfEquals) {
  const TokenModel model(Unigram(vocabulary_of({"<unk>", "a", "b", "ab", "ba", "bb"}),
                                 {0, -1, -1, -1.5, -2, -2}, 0, false));
  EXPECT_EQ(ids_of(model, "ab"), (Ids{3}));
  EXPECT_EQ(ids_of(model, "ba"), (Ids{4}));  // -2 as a whole is met first, and b + a is no better
  EXPECT_EQ(ids_of(model, "aab"), (Ids{1, 3}));
}

TEST(Unigram, UnknownNeighboursAreOneTokenOrBytes) {
  EXPECT_EQ(ids_of(Unigram(vocabulary_of({"<unk>", "a"}), {0, -1}, 0, false), "xyaz"),
            (Ids{0, 1, 0}));
  TokenModel::Scratch scratch(1);
  std::vector<Token> tokens;
  const Unigram bytes(vocabulary_of({"<unk>", "<0x78>", "<0x79>"}), {0, -1, -1}, 0, true);
  TokenModel(bytes).tokenize("xy", scratch, tokens);
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[1].id, 2);
  EXPECT_EQ(tokens[1].end - tokens[1].begin, 2u);  // each byte stands for the whole unknown text
}

TEST(Unigram, WithoutAnUnknownTokenTheTextIsAtFault) {
  const TokenModel model(Unigram(vocabulary_of({"a"}), {-1}, std::nullopt, false));
  TokenModel::Scratch scratch(1);
  std::vector<Token> tokens;
  EXPECT_THROW(model.tokenize("ab", scratch, tokens), ArgumentError);
}

TEST(Unigram, OfAPieceThatStandsTwiceTheLastCounts) {
  const TokenModel model(Unigram(vocabulary_of({"<unk>", "a", "a"}), {0, -1, -5}, 0, false));
  EXPECT_EQ(ids_of(model, "a"), (Ids{2}));
  EXPECT_EQ(model.vocabulary().piece(1), "a");
}

TEST(WordPiece, IsGreedyAndGivesUpAsAWhole) {
  const WordPiece model(vocabulary_of({"[UNK]", "un", "##aff", "##able", "##a", "una"}), {});
  EXPECT_EQ(ids_of(model, "unaffable"), (Ids{0}));  // "una", then nothing fits "ffable"
  EXPECT_EQ(ids_of(model, "unable"), (Ids{0}));
  EXPECT_EQ(ids_of(model, "unaa"), (Ids{5, 4}));
  EXPECT_EQ(ids_of(model, std::string("un") + std::string(99, 'a')), (Ids{0}));  // 101 characters
}

TEST(WordPiece, ALongWordIsNotQuadratic) {
  const WordPiece model(vocabulary_of({"[UNK]", "a", "##a"}), {"[UNK]", "##", 1U << 30});
  EXPECT_EQ(ids_of(model, std::string(1 << 20, 'a')).size(), std::size_t{1} << 20);
}

TEST(WordLevel, NeedsItsUnknownToken) {
  EXPECT_EQ(ids_of(WordLevel(vocabulary_of({"?", "a"}), "?"), "b"), (Ids{0}));
  TokenModel::Scratch scratch(1);
  std::vector<Token> tokens;
  EXPECT_THROW(TokenModel(WordLevel(vocabulary_of({"a"}), "?")).tokenize("b", scratch, tokens),
               ArgumentError);
}

TEST(Bpe, ALongWordIsCutWhereNoMergeReachesAcross) {
  Vocabulary vocabulary = vocabulary_of({"_", "a", "b", "_a", "ab"});
  MergeTable merges;
  merges.reserve(2);
  merges.set(0, 1, {0, 3});
  merges.set(1, 2, {1, 4});
  const Bpe bpe(std::move(vocabulary), std::move(merges), {});
  ASSERT_TRUE(bpe.has_parts());
  EXPECT_EQ(bpe.part_end("ab_ab", 0), 2u);    // no merge joins b and _
  EXPECT_EQ(bpe.part_end("xyab_ab", 0), 4u);  // x and y have no id: they may be one unknown token
  std::string text;
  Ids expected;
  for (int i = 0; i < 100; ++i) {
    text += "_ab";
    expected.insert(expected.end(), {3, 2});
  }
  EXPECT_EQ(ids_of(bpe, text), expected);
}

std::string mapped(const CharsMap& map, std::string_view text) {
  Pieces in = Pieces::of(text);
  Pieces out;
  if (!text.empty()) map.append_mapped(in.stretch(in.pieces[0]), out);
  EXPECT_EQ(out.origins.size(), out.text.size());
  return out.text;
}

// A trie of one unit leads nowhere: whatever follows it lies outside.
TEST(CharsMap, AMapThatLeadsOutsideOfItselfIsReportedOnUse) {
  const auto map = [](std::uint32_t unit, std::string_view rest) {
    std::string bytes("\x04\x00\x00\x00", 4);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(unit >> shift & 0xFF);
    return CharsMap::parse(bytes + std::string(rest), "file");
  };
  const CharsMap outside = map(0, "");
  EXPECT_THROW(mapped(outside, "a"), FormatError);
  EXPECT_THROW(mapped(map(0xFFFFFFFFU, "x"), "a"), FormatError);
}

TEST(CharsMap, ACycleEndsWithTheText) {
  // Root and "a" share unit 'a': offset 0 leads from each to itself.
  std::string bytes;
  const auto put = [&](std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xFF);
  };
  put(4 * 256);
  for (std::uint32_t i = 0; i < 256; ++i) put(i);  // label i, offset 0, no leaf
  const CharsMap map = CharsMap::parse(bytes, "file");
  EXPECT_EQ(mapped(map, std::string(1000, 'a')), std::string(1000, 'a'));
}

TEST(Graphemes, KeepTogetherWhatAReaderTakesForOne) {
  EXPECT_EQ(grapheme_end("ab", 0), 1u);
  EXPECT_EQ(grapheme_end("\r\nx", 0), 2u);
  EXPECT_EQ(grapheme_end("e\xCC\x81x", 0), 3u);
  const std::string flags = "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA\xF0\x9F\x87\xAB";  // D E F
  EXPECT_EQ(grapheme_end(flags, 0), 8u);
  const std::string family = "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9";
  EXPECT_EQ(grapheme_end(family, 0), family.size());
}

TEST(Base64, RefusesWhatIsNone) {
  EXPECT_EQ(decode_base64("YWI="), "ab");
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_FALSE(decode_base64("YWI"));
  EXPECT_FALSE(decode_base64("YW?="));
}

// FNV-1a of all lower cases, one after the other, as tokenizers 0.23.3 gives them.
TEST(Properties, EveryCodePointHasTheLowerCaseOfTokenizers) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    lower_case(c, [&](char32_t lower) {
      std::string text;
      append_utf8(text, lower);
      for (const char byte : text)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
    });
  }
  EXPECT_EQ(hash, 0xDCD1E661348268CCU);
}

}  // namespace
}  // namespace cutaway::tokenizer
