#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tokenizer/derived_merges.h"

namespace cutaway::tokenizer {
namespace {

// a, aa, aaaa and b, with the merges that build them.
Bpe small_bpe(BpeOptions options = {}) {
  Vocabulary vocabulary;
  TokenId id = 0;
  for (const char* piece : {"a", "b", "aa", "aaaa", "ab"}) vocabulary.add(piece, id++);
  MergeTable merges;
  merges.reserve(3);
  merges.set(0, 0, {0, 2});
  merges.set(2, 2, {1, 3});
  merges.set(0, 1, {2, 4});
  return {std::move(vocabulary), std::move(merges), std::move(options)};
}

std::vector<TokenId> ids_of(const Bpe& bpe, std::string_view word) {
  Bpe::Scratch scratch;
  std::vector<Token> tokens;
  bpe.tokenize(word, scratch, tokens);
  std::vector<TokenId> ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  return ids;
}

TEST(Bpe, MergesTheLowestRankFirstAndTheLeftmostOfEquals) {
  EXPECT_EQ(ids_of(small_bpe(), "aaa"), (std::vector<TokenId>{2, 0}));
  EXPECT_EQ(ids_of(small_bpe(), "aab"), (std::vector<TokenId>{2, 1}));
  EXPECT_EQ(ids_of(small_bpe(), "aaaab"), (std::vector<TokenId>{3, 1}));
}

TEST(Bpe, LongAndShortWordsFollowTheSameRule) {
  const Bpe bpe = small_bpe();
  for (std::size_t n : {47U, 48U, 49U, 50U, 51U, 97U, 1000U}) {
    std::vector<TokenId> expected(n / 4, 3);
    for (std::size_t rest = n % 4; rest > 0; rest -= rest >= 2 ? 2 : 1) {
      expected.push_back(rest >= 2 ? 2 : 0);
    }
    EXPECT_EQ(ids_of(bpe, std::string(n, 'a')), expected) << n;
  }
}

TEST(Bpe, AMegabyteOfOneLetterIsNotQuadratic) {
  const auto ids = ids_of(small_bpe(), std::string(1 << 20, 'a'));
  EXPECT_EQ(ids.size(), std::size_t{1} << 18);
}

TEST(Bpe, CodePointsWithoutAnIdVanishUnlessThereIsAnUnknownToken) {
  EXPECT_EQ(ids_of(small_bpe(), "axb"), (std::vector<TokenId>{4}));
  BpeOptions options;
  options.unk_token = "b";
  EXPECT_EQ(ids_of(small_bpe(options), "xya"), (std::vector<TokenId>{1, 1, 0}));
  options.fuse_unk = true;
  EXPECT_EQ(ids_of(small_bpe(options), "xya"), (std::vector<TokenId>{1, 0}));
}

TEST(DerivedMerges, FollowTheScoreThenTheLongerLeftPart) {
  Vocabulary vocabulary;
  TokenId id = 0;
  for (const char* piece : {"a", "aa", "aaa", "b", "ab"}) vocabulary.add(piece, id++);
  const std::vector<double> scores = {0, -2, -1, 0, kNeverMerges};
  const MergeTable merges = derive_merges(vocabulary, scores, "test");
  EXPECT_EQ(merges.find(1, 0).rank, 0u);  // aa + a → aaa
  EXPECT_EQ(merges.find(0, 1).rank, 1u);  // a + aa → aaa
  EXPECT_EQ(merges.find(0, 0).rank, 2u);  // a + a → aa
  EXPECT_EQ(merges.find(0, 3).rank, MergeTable::kNoRank);
}

TEST(Vocabulary, FindsEveryPieceAndKeepsHoles) {
  Vocabulary vocabulary;
  for (TokenId id = 0; id < 1000; ++id) {
    EXPECT_EQ(vocabulary.add("p" + std::to_string(id), id * 2), Vocabulary::Added::kYes);
  }
  EXPECT_EQ(vocabulary.size(), 1000u);
  EXPECT_EQ(vocabulary.find("p7"), 14);
  EXPECT_FALSE(vocabulary.find("p1000"));
  EXPECT_FALSE(vocabulary.has(15));
  EXPECT_EQ(vocabulary.add("p7", 15), Vocabulary::Added::kPieceExists);
  EXPECT_EQ(vocabulary.add("new", 14), Vocabulary::Added::kIdExists);
}

}  // namespace
}  // namespace cutaway::tokenizer
