#include <set>

#include <cutaway/error.h>
#include <cutaway/hooks.h>
#include <gtest/gtest.h>

namespace cutaway {
namespace {

HookDims everything() {
  return {.n_layers = 3,
          .d_model = 8,
          .n_heads = 4,
          .n_kv_heads = 2,
          .d_head = 6,
          .d_mlp = 10,
          .d_vocab = 20,
          .has_learned_positions = true,
          .has_rotary = true,
          .has_post_norms = true,
          .has_qk_norm = true,
          .is_gated = true};
}

TEST(HookPoint, EveryNameParsesBackToItself) {
  const auto points = all_hook_points(everything());
  std::set<std::string> names;
  for (HookPoint point : points) {
    EXPECT_EQ(HookPoint::parse(point.name()), point);
    names.insert(point.name());
  }
  EXPECT_EQ(names.size(), points.size());
  EXPECT_TRUE(names.contains("blocks.2.attn.hook_pattern"));
}

TEST(HookPoint, TableRowsStandInTheOrderOfTheirSites) {
  for (std::size_t i = 0; i < kSiteCount; ++i)
    EXPECT_EQ(site_info(static_cast<Site>(i)).site, static_cast<Site>(i));
}

TEST(HookPoint, PartsThatAModelLacksHaveNoPoints) {
  HookDims plain = everything();
  plain.has_learned_positions = plain.has_post_norms = plain.has_qk_norm = false;
  for (HookPoint point : all_hook_points(plain)) {
    EXPECT_EQ(point.name().find("_post.hook"), std::string::npos) << point.name();
    EXPECT_EQ(point.name().find("_norm.hook"), std::string::npos) << point.name();
    EXPECT_NE(point.name(), "hook_pos_embed");
  }
}

TEST(HookPoint, Aliases) { EXPECT_EQ(HookPoint::parse("hook_logits"), HookPoint::logits()); }

TEST(HookPoint, AMisspeltNameOffersTheNearest) {
  try {
    HookPoint::parse("blocks.5.hook_resid_psot");
    FAIL();
  } catch (const UnknownNameError& e) {
    ASSERT_FALSE(e.suggestions().empty());
    EXPECT_EQ(e.suggestions().front(), "blocks.5.hook_resid_post");
    EXPECT_NE(std::string(e.what()).find("did you mean 'blocks.5.hook_resid_post'"),
              std::string::npos)
        << e.what();
  }
}

TEST(HookPoint, BrokenSpellingsAreRefused) {
  for (const char* name :
       {"", "blocks", "blocks.", "blocks.1", "blocks.1.", "blocks.x.hook_resid_pre",
        "blocks.-1.hook_resid_pre", "blocks.01.hook_resid_pre", "blocks.99999999999.hook_resid_pre",
        "hook_resid_pre", "blocks.1.hook_embed", "blocks.1 .hook_resid_pre"}) {
    EXPECT_THROW(HookPoint::parse(name), UnknownNameError) << name;
  }
}

TEST(HookPoint, LayerMustFitTheSite) {
  EXPECT_THROW(HookPoint(Site::kResidPre), ArgumentError);
  EXPECT_THROW(HookPoint(Site::kEmbed, 0), ArgumentError);
}

TEST(ActivationCache, SaysWhatWasCaptured) {
  ActivationCache cache;
  cache.store(HookPoint::resid_post(1), When::kAfter, Tensor({1, 2, 3}));
  cache.store(HookPoint::resid_post(1), When::kBefore, Tensor({1, 2, 4}));
  EXPECT_EQ(cache.at("blocks.1.hook_resid_post").extent(2), 3);
  EXPECT_EQ(cache.at("blocks.1.hook_resid_post:before").extent(2), 4);
  EXPECT_EQ(cache.at(HookPoint::resid_post(1), When::kBefore).extent(2), 4);
  EXPECT_FALSE(cache.contains(HookPoint::resid_post(0)));
  try {
    (void)cache.at("blocks.0.hook_resid_post");
    FAIL();
  } catch (const UnknownNameError& e) {
    EXPECT_NE(std::string(e.what()).find("not captured"), std::string::npos);
    EXPECT_FALSE(e.suggestions().empty());
  }
}

TEST(ActivationCache, KeysFollowTheForwardPass) {
  ActivationCache cache;
  for (HookPoint p : {HookPoint::logits(), HookPoint::resid_post(1), HookPoint::resid_pre(0),
                      HookPoint(Site::kEmbed)})
    cache.store(p, When::kAfter, Tensor({1}));
  std::vector<std::string> names;
  for (const auto& [point, when] : cache.keys()) names.push_back(point.name());
  EXPECT_EQ(names, (std::vector<std::string>{"hook_embed", "blocks.0.hook_resid_pre",
                                             "blocks.1.hook_resid_post", "logits"}));
}

}  // namespace
}  // namespace cutaway
