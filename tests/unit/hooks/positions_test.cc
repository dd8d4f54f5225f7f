#include <cutaway/error.h>
#include <cutaway/hooks.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

using Indices = std::vector<std::size_t>;

TEST(Positions, CountFromEitherEnd) {
  EXPECT_EQ((Positions{0, -1}.resolve(5, "pos")), (Indices{0, 4}));
  EXPECT_EQ(Positions::all().resolve(3, "pos"), (Indices{0, 1, 2}));
  EXPECT_EQ(Positions::range(1, 3).resolve(5, "pos"), (Indices{1, 2}));
  EXPECT_EQ(Positions::range(-2, std::nullopt).resolve(5, "pos"), (Indices{3, 4}));
  EXPECT_EQ(Positions::range(std::nullopt, -3).resolve(5, "pos"), (Indices{0, 1}));
  EXPECT_EQ(Positions::range(2, 100).resolve(4, "pos"), (Indices{2, 3}));
}

TEST(Positions, OutsideTheSequenceIsAnErrorThatNamesTheLimits) {
  try {
    Positions{7}.resolve(5, "hook_embed");
    FAIL();
  } catch (const ArgumentError& e) {
    EXPECT_STREQ(e.what(), "hook_embed: position 7 in a sequence of 5 tokens, expected -5 to 4");
  }
  EXPECT_THROW(Positions{-6}.resolve(5, "pos"), ArgumentError);
  EXPECT_THROW(Positions::range(3, 3).resolve(5, "pos"), ArgumentError);
  EXPECT_THROW(Positions::range(5, 9).resolve(5, "pos"), ArgumentError);
  EXPECT_THROW(Positions(std::vector<std::int64_t>{}), ArgumentError);
}

TEST(Positions, PresentLeavesOutWhatBelongsToAnotherStep) {
  EXPECT_EQ((Positions{7, 2, -1}.resolve_present(5)), (Indices{2, 4}));
  EXPECT_EQ(Positions::range(4, 9).resolve_present(3), (Indices{}));
}

TEST(Positions, ParseWhatTheyPrint) {
  for (const char* text : {"3", "-1", "2:5", ":4", "1:", "0,3,7", "all"})
    EXPECT_EQ(Positions::parse(text).to_string(), text);
  for (const char* text : {"", "x", "1,", ",1", "1:2:3", "1.5", "99999999999999999999", "1 "}) {
    EXPECT_THROW(Positions::parse(text), ArgumentError) << text;
  }
}

}  // namespace
}  // namespace cutaway
