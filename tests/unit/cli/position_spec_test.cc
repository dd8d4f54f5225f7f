#include "position_spec.h"

#include <gtest/gtest.h>

#include <cutaway/error.h>

namespace cutaway::cli {
namespace {

// "<s>|The| Eif|fel| Tower,| is": the words may end inside a token.
Prompt eiffel() {
  Prompt prompt;
  prompt.text = "The Eiffel Tower, is";
  prompt.encoding.ids = {1, 2, 3, 4, 5, 6};
  prompt.encoding.bytes = {{0, 0}, {0, 3}, {3, 7}, {7, 10}, {10, 17}, {17, 20}};
  prompt.encoding.special = {true, false, false, false, false, false};
  return prompt;
}

std::string resolved(std::string_view text, const Prompt& prompt) {
  return resolve(parse_positions("--pos", text), prompt, "--pos").to_string();
}

TEST(PositionSpec, ASubjectIsTheLastTokenThatReachesIntoIt) {
  EXPECT_EQ(resolved("subject:\"Eiffel Tower\"", eiffel()), "4");
  EXPECT_EQ(resolved("subject:Eiffel Tower", eiffel()), "4");
  EXPECT_EQ(resolved("subject:'Eiffel'", eiffel()), "3");
  EXPECT_EQ(resolved("subject:T", eiffel()), "1");
}

TEST(PositionSpec, TheFirstMatchCounts) { EXPECT_EQ(resolved("subject:e", eiffel()), "1"); }

TEST(PositionSpec, NumbersPassThrough) {
  EXPECT_EQ(resolved("-1", eiffel()), "-1");
  EXPECT_EQ(resolved("2:5", eiffel()), "2:5");
  EXPECT_EQ(resolved("all", eiffel()), "all");
}

TEST(PositionSpec, ASubjectThatIsNotThereIsAnError) {
  try {
    resolved("subject:Louvre", eiffel());
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(),
                 "--pos: subject 'Louvre' is not in the prompt 'The Eiffel Tower, is'");
  }
  EXPECT_THROW(parse_positions("--pos", "subject:"), ArgumentError);
  EXPECT_THROW(parse_positions("--pos", "two"), ArgumentError);
  Prompt ids;
  ids.encoding.ids = {1, 2};
  EXPECT_THROW(resolved("subject:a", ids), ArgumentError);
}

TEST(PositionSpec, PromptsThatDisagreeAreAnError) {
  std::vector<Prompt> prompts = {eiffel(), eiffel()};
  const PositionSpec spec = parse_positions("--pos", "subject:Eiffel");
  EXPECT_EQ(resolve(spec, prompts, "--pos").to_string(), "3");
  prompts[1].text = "Eiffel";
  prompts[1].encoding.ids = {3, 4};
  prompts[1].encoding.bytes = {{0, 3}, {3, 6}};
  prompts[1].encoding.special = {false, false};
  EXPECT_THROW(resolve(spec, prompts, "--pos"), ArgumentError);
}

TEST(Layers, HaveTheGrammarOfPositions) {
  EXPECT_EQ(parse_layers("all", 3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(parse_layers("1", 3), (std::vector<int>{1}));
  EXPECT_EQ(parse_layers("1:3", 3), (std::vector<int>{1, 2}));
  EXPECT_EQ(parse_layers("-1,0", 3), (std::vector<int>{2, 0}));
}

TEST(Layers, OutsideTheModelAreAnError) {
  for (const char* text : {"3", "5:7", "x", ""}) {
    EXPECT_THROW(parse_layers(text, 3), ArgumentError) << text;
  }
}

}  // namespace
}  // namespace cutaway::cli
