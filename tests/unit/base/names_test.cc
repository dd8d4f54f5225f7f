#include "base/names.h"

#include <gtest/gtest.h>

namespace cutaway {
namespace {

TEST(Glob, MatchesTheWholeName) {
  EXPECT_TRUE(glob_match("blocks.*.hook_resid_post", "blocks.12.hook_resid_post"));
  EXPECT_FALSE(glob_match("blocks.*.hook_resid_post", "blocks.12.hook_resid_post2"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_TRUE(glob_match("a*b*c", "a__b__b_c"));
  EXPECT_FALSE(glob_match("a*b*c", "a__b__b_"));
}

TEST(Glob, Classes) {
  EXPECT_TRUE(glob_match("blocks.[0-3].x", "blocks.2.x"));
  EXPECT_FALSE(glob_match("blocks.[0-3].x", "blocks.4.x"));
  EXPECT_TRUE(glob_match("[!a]b", "cb"));
  EXPECT_FALSE(glob_match("[!a]b", "ab"));
  EXPECT_FALSE(glob_match("[", "x"));
}

TEST(Glob, ManyStarsDoNotTakeForever) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

TEST(Nearest, FindsTypos) {
  const std::vector<std::string> names{"hook_resid_post", "hook_resid_pre", "hook_attn_out",
                                       "hook_mlp_out"};
  EXPECT_EQ(nearest_names("hook_resid_psot", names).front(), "hook_resid_post");
  EXPECT_EQ(nearest_names("HOOK_MLP_OUT", names).front(), "hook_mlp_out");
  EXPECT_EQ(nearest_names("attn_out", names).front(), "hook_attn_out");
  EXPECT_TRUE(nearest_names("zzzzzzzzzzzzzzzzzzzzzz", names).empty());
  EXPECT_TRUE(nearest_names("", names).empty());
}

TEST(Nearest, Sentence) {
  EXPECT_EQ(did_you_mean({}), "");
  const std::vector<std::string> one{"a"}, three{"a", "b", "c"};
  EXPECT_EQ(did_you_mean(one), "; did you mean 'a'?");
  EXPECT_EQ(did_you_mean(three), "; did you mean 'a', 'b' or 'c'?");
}

}  // namespace
}  // namespace cutaway
