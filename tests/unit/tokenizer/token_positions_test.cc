#include <cutaway/token_positions.h>

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <string_view>

namespace cutaway {
namespace {

using Indices = std::vector<std::size_t>;

// Tokens that follow one another, with bytes and characters; a piece "<s>" stands for an added one.
Encoding encoding_of(const std::vector<std::string>& pieces) {
  Encoding e;
  std::size_t byte = 0, character = 0;
  for (const std::string& piece : pieces) {
    const bool is_special = piece == "<s>" || piece == "</s>";
    std::size_t characters = 0;
    for (const char c : piece) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    e.ids.push_back(static_cast<TokenId>(e.ids.size()));
    e.pieces.push_back(piece);
    e.special.push_back(is_special);
    if (is_special) {
      e.bytes.push_back({0, 0});
      e.chars.push_back({0, 0});
      continue;
    }
    e.bytes.push_back({byte, byte + piece.size()});
    e.chars.push_back({character, character + characters});
    byte += piece.size();
    character += characters;
  }
  return e;
}

// "The Eiffel Tower is located in Paris, France."
const Encoding kParis = encoding_of({"<s>", "The", " E", "iff", "el", " Tower", " is", " located",
                                     " in", " Paris", ",", " France", "."});

TEST(TokenPositions, APositionBelongsToTheTokenThatCoversIt) {
  EXPECT_EQ(char_to_token(kParis, 0), 1U);
  EXPECT_EQ(char_to_token(kParis, 2), 1U);
  EXPECT_EQ(char_to_token(kParis, 3), 2U);
  EXPECT_EQ(char_to_token(kParis, 4), 2U);
  EXPECT_EQ(char_to_token(kParis, 11), 5U);
  EXPECT_EQ(char_to_token(kParis, 31), 9U);
  EXPECT_EQ(char_to_token(kParis, 38), 11U);
  EXPECT_EQ(char_to_token(kParis, 44), 12U);
  EXPECT_EQ(char_to_token(kParis, 45), std::nullopt);
}

TEST(TokenPositions, ARangeGivesEveryTokenThatSharesText) {
  EXPECT_EQ(char_range_to_tokens(kParis, {4, 16}), (Indices{2, 3, 4, 5}));
  EXPECT_EQ(char_range_to_tokens(kParis, {31, 36}), (Indices{9}));
  EXPECT_EQ(char_range_to_tokens(kParis, {38, 44}), (Indices{11}));
  EXPECT_EQ(char_range_to_tokens(kParis, {36, 38}), (Indices{10, 11}));
  EXPECT_EQ(char_range_to_tokens(kParis, {0, 1}), (Indices{1}));
  EXPECT_EQ(char_range_to_tokens(kParis, {45, 99}), Indices{});
  EXPECT_EQ(char_range_to_tokens(kParis, {3, 3}), Indices{});
  EXPECT_THROW(char_range_to_tokens(kParis, {4, 3}), ArgumentError);
}

TEST(TokenPositions, ATokenGivesItsRangeBack) {
  EXPECT_EQ(token_to_char_range(kParis, 1), (TextRange{0, 3}));
  EXPECT_EQ(token_to_char_range(kParis, 5), (TextRange{10, 16}));
  EXPECT_EQ(token_to_char_range(kParis, 0), (TextRange{0, 0}));
  EXPECT_THROW(token_to_char_range(kParis, 13), ArgumentError);
}

TEST(TokenPositions, TheFuzzyMatchIsTheNearestMiddle) {
  EXPECT_EQ(char_to_token_fuzzy(kParis, 31), 9U);
  EXPECT_EQ(char_to_token_fuzzy(kParis, 99), 12U);
  // A gap between tokens, as of normalised white space: middles 1 and 7.
  Encoding gap = encoding_of({"abc", "xyz"});
  gap.chars[1] = {6, 9};
  EXPECT_EQ(char_to_token_fuzzy(gap, 3), 0U);
  EXPECT_EQ(char_to_token_fuzzy(gap, 4), 0U);  // equally far: the first
  EXPECT_EQ(char_to_token_fuzzy(gap, 5), 1U);
}

TEST(TokenPositions, TheFuzzyMatchSkipsSpecialTokens) {
  // The middle of an added token would be 0, nearer than that of the word.
  Encoding e = encoding_of({"<s>", "word", "</s>"});
  e.chars[1] = {2, 12};
  EXPECT_EQ(char_to_token_fuzzy(e, 1), 1U);
  EXPECT_EQ(char_to_token_fuzzy(encoding_of({"<s>"}), 0), std::nullopt);
  EXPECT_EQ(char_to_token_fuzzy(Encoding{}, 0), std::nullopt);
}

TEST(TokenPositions, StartFindsTheFirstTokenFromThereOn) {
  EXPECT_EQ(char_to_token_start(kParis, 0), 1U);
  EXPECT_EQ(char_to_token_start(kParis, 3), 2U);
  EXPECT_EQ(char_to_token_start(kParis, 4), 3U);
  EXPECT_EQ(char_to_token_start(kParis, 44), 12U);
  EXPECT_EQ(char_to_token_start(kParis, 45), std::nullopt);
}

TEST(TokenPositions, BytesAndCharactersDifferBehindMultiByteText) {
  const Encoding e = encoding_of({"Zür", "ich", " 🙂", "!"});
  EXPECT_EQ(char_to_token(e, 3), 1U);
  EXPECT_EQ(char_to_token(e, 3, TextUnit::kBytes), 0U);
  EXPECT_EQ(char_to_token(e, 4, TextUnit::kBytes), 1U);
  EXPECT_EQ(char_to_token(e, 7), 2U);
  EXPECT_EQ(char_to_token(e, 11, TextUnit::kBytes), 2U);
  EXPECT_EQ(token_to_char_range(e, 2), (TextRange{6, 8}));
  EXPECT_EQ(token_to_char_range(e, 2, TextUnit::kBytes), (TextRange{7, 12}));
  EXPECT_EQ(char_range_to_tokens(e, {8, 9}), (Indices{3}));
  EXPECT_EQ(char_range_to_tokens(e, {8, 9}, TextUnit::kBytes), (Indices{2}));
  EXPECT_EQ(char_to_token_start(e, 8), 3U);
  EXPECT_EQ(char_to_token_start(e, 8, TextUnit::kBytes), 3U);
  EXPECT_EQ(char_to_token_fuzzy(e, 99, TextUnit::kBytes), 3U);
}

TEST(TokenPositions, SpansLabelTheirTokensAndTheLastOfEach) {
  const Encoding e = encoding_of({"The", " Eiffel", " Tower", " is", " located", " in", " Paris"});
  const std::vector<NamedSpan> spans = {{"subject", {0, 16}}, {"relation", {17, 30}}};
  EXPECT_EQ(label_spans(e, spans),
            (std::vector<std::string>{"subject", "subject", "subject_final", "relation", "relation",
                                      "relation_final", "other"}));
}

TEST(TokenPositions, ANameHasOneLastTokenHoweverManySpans) {
  const Encoding e = encoding_of({"<s>", "aa", "bb", "cc", "dd"});
  const std::vector<NamedSpan> twice = {{"x", {0, 2}}, {"y", {2, 4}}, {"x", {6, 8}}};
  EXPECT_EQ(label_spans(e, twice),
            (std::vector<std::string>{"other", "x", "y_final", "other", "x_final"}));
  // The first span in the order given wins.
  const std::vector<NamedSpan> over = {{"x", {1, 3}}, {"y", {0, 8}}};
  EXPECT_EQ(label_spans(e, over),
            (std::vector<std::string>{"other", "x", "x_final", "y", "y_final"}));
  const std::vector<NamedSpan> backwards = {{"x", {3, 1}}};
  EXPECT_THROW(label_spans(e, backwards), ArgumentError);
}

TEST(TokenPositions, ManyPositionsSayWhetherTheyAreExact) {
  const std::vector<std::size_t> positions = {4, 16, 31, 36, 99};
  const auto matches = convert_positions(kParis, positions);
  const std::vector<std::size_t> tokens = {2, 6, 9, 10, 12};
  const std::vector<std::string> pieces = {" E", " is", " Paris", ",", "."};
  ASSERT_EQ(matches.size(), 5U);
  for (std::size_t i = 0; i < matches.size(); ++i) {
    EXPECT_EQ(matches[i].position, positions[i]);
    EXPECT_EQ(matches[i].token, tokens[i]);
    EXPECT_EQ(matches[i].piece, pieces[i]);
    EXPECT_EQ(matches[i].is_exact, positions[i] != 99);
  }
  const auto none = convert_positions(encoding_of({"<s>"}), positions);
  EXPECT_EQ(none.front().token, std::nullopt);
  EXPECT_FALSE(none.front().is_exact);
}

}  // namespace
}  // namespace cutaway
