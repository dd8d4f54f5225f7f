#include "edit_spec.h"

#include <gtest/gtest.h>

#include <cutaway/error.h>

namespace cutaway::cli {
namespace {

std::string positions(const PositionSpec& spec) { return std::get<Positions>(spec).to_string(); }

std::string error_of(std::string_view text) {
  try {
    parse_edit(text);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "no error";
}

TEST(EditSpec, AnOperationWithoutValueNeedsOnlyAHook) {
  const EditSpec spec = parse_edit("blocks.3.hook_attn_out zero");
  EXPECT_EQ(spec.hook, "blocks.3.hook_attn_out");
  EXPECT_EQ(spec.kind, EditKind::kZero);
  EXPECT_EQ(positions(spec.pos), "all");
  EXPECT_FALSE(spec.head);
}

TEST(EditSpec, PositionsAndHeadComeInEitherOrder) {
  for (const char* text :
       {"blocks.0.attn.hook_z@2:5#2 zero", "  blocks.0.attn.hook_z#2@2:5   zero "}) {
    const EditSpec spec = parse_edit(text);
    EXPECT_EQ(positions(spec.pos), "2:5");
    EXPECT_EQ(spec.head, 2);
  }
}

TEST(EditSpec, AListOfPositionsIsOneEdit) {
  EXPECT_EQ(positions(parse_edit("blocks.1.hook_mlp_out@0,3,-1 zero").pos), "0,3,-1");
}

TEST(EditSpec, AddTakesAFileAndAFactor) {
  const EditSpec spec = parse_edit("blocks.5.hook_resid_post@-1 add v.npy*4.0");
  EXPECT_EQ(spec.kind, EditKind::kAdd);
  EXPECT_EQ(spec.file, "v.npy");
  EXPECT_EQ(spec.factor, 4.0F);
  EXPECT_EQ(parse_edit("blocks.5.hook_resid_post add dir/v.npy").factor, 1.0F);
  EXPECT_EQ(parse_edit("blocks.5.hook_resid_post add v.npz:a b*-0.5").file, "v.npz:a b");
}

TEST(EditSpec, ReplaceAndMeanKeepTheWholeReference) {
  const std::string hook = "blocks.7.hook_resid_pre";
  EXPECT_EQ(parse_edit(hook + "@3 replace clean.npz:" + hook).file, "clean.npz:" + hook);
  EXPECT_EQ(parse_edit(hook + " mean data.npz:x*2").file, "data.npz:x*2");
}

TEST(EditSpec, ScaleTakesANumber) {
  EXPECT_EQ(parse_edit("blocks.2.mlp.hook_post scale -0.5").factor, -0.5F);
}

TEST(EditSpec, KnockoutNamesAQueryAndAKey) {
  const EditSpec spec = parse_edit("blocks.4.attn.hook_attn_scores@5,2#1 knockout");
  EXPECT_EQ(spec.kind, EditKind::kKnockout);
  EXPECT_EQ(positions(spec.pos), "5");
  EXPECT_EQ(positions(spec.key), "2");
  EXPECT_EQ(spec.head, 1);
  const EditSpec all = parse_edit("blocks.*.attn.hook_attn_scores@-1,all knockout");
  EXPECT_EQ(positions(all.pos), "-1");
  EXPECT_EQ(positions(all.key), "all");
}

TEST(EditSpec, ASubjectMayHoldSpacesAndCommas) {
  const EditSpec spec =
      parse_edit("blocks.4.attn.hook_attn_scores@-1,subject:\"Paris, France\" knockout");
  EXPECT_EQ(std::get<Subject>(spec.key).words, "Paris, France");
  EXPECT_EQ(std::get<Subject>(parse_edit("blocks.1.hook_mlp_out@subject:\"a b\" zero").pos).words,
            "a b");
}

struct Wrong {
  const char* text;
  const char* error;
};

TEST(EditSpec, ErrorsGiveTheColumnAndWhatWasExpected) {
  const Wrong cases[] = {
      {"", "--edit: '', column 1: nothing, expected a hook such as blocks.3.hook_resid_post"},
      {"@3 zero",
       "--edit: '@3 zero', column 1: '@', expected a hook such as blocks.3.hook_resid_post"},
      {"logits",
       "--edit: 'logits', column 7: nothing, expected add, replace, zero, scale, mean or "
       "knockout"},
      {"logits zer",
       "--edit: 'logits zer', column 8: 'zer'; did you mean 'zero'?, expected add, "
       "replace, zero, scale, mean or knockout"},
      {"logits zero 3", "--edit: 'logits zero 3', column 13: '3', expected nothing after zero"},
      {"logits scale",
       "--edit: 'logits scale', column 13: nothing, expected a finite number after "
       "scale"},
      {"logits scale nan",
       "--edit: 'logits scale nan', column 14: 'nan', expected a finite number "
       "after scale"},
      {"logits scale 1e99",
       "--edit: 'logits scale 1e99', column 14: '1e99', expected a finite "
       "number after scale"},
      {"logits add",
       "--edit: 'logits add', column 11: nothing, expected a file after add: "
       "FILE.npy, FILE.npz:NAME or FILE.safetensors:NAME"},
      {"logits add v.npy*x",
       "--edit: 'logits add v.npy*x', column 18: 'x', expected a finite "
       "factor after '*'"},
      {"logits#a zero", "--edit: 'logits#a zero', column 8: 'a', expected a head number after '#'"},
      {"logits#-1 zero",
       "--edit: 'logits#-1 zero', column 8: '-1', expected a head number after '#'"},
      {"logits#1#2 zero", "--edit: 'logits#1#2 zero', column 9: a second '#', expected one head"},
      {"logits@ zero",
       "--edit: 'logits@ zero', column 8: no position after '@', expected N, A:B, "
       "all or subject:\"words\""},
      {"logits@x zero", "--edit: 'x', expected N, A:B, N,N,..., all or subject:\"words\""},
      {"logits@subject:\"a zero",
       "--edit: 'logits@subject:\"a zero', column 8: an open quote, "
       "expected a closing \""},
      {"logits@subject: zero", "--edit: an empty subject, expected words of the prompt"},
      {"blocks.0.attn.hook_attn_scores knockout",
       "--edit: 'blocks.0.attn.hook_attn_scores knockout', column 31: no positions, expected "
       "QUERY,KEY as in @5,2 or @-1,all"},
      {"blocks.0.attn.hook_attn_scores@1,2,3 knockout",
       "--edit: 'blocks.0.attn.hook_attn_scores@1,2,3 knockout', column 32: 3 positions, expected "
       "QUERY,KEY as in @5,2 or @-1,all"},
      {"blocks.0.attn.hook_z@1,2 knockout",
       "--edit: 'blocks.0.attn.hook_z@1,2 knockout', column 1: knockout at 'blocks.0.attn.hook_z', "
       "expected the hook attn.hook_attn_scores or mlp.hook_router_logits of a block"},
  };
  for (const Wrong& wrong : cases) EXPECT_EQ(error_of(wrong.text), wrong.error) << wrong.text;
}

TEST(EditSpec, AMisspeltHookOffersTheNearest) {
  EXPECT_THROW(parse_edit("blocks.3.hook_resid_pst zero"), UnknownNameError);
  EXPECT_NE(error_of("blocks.3.hook_resid_pst zero").find("blocks.3.hook_resid_post"),
            std::string::npos);
}

TEST(EditSpec, TheGlobOfAnEditIsLeftToTheModel) {
  EXPECT_EQ(parse_edit("blocks.*.hook_nothing zero").hook, "blocks.*.hook_nothing");
}

TEST(EditSpec, EditsKeepTheirOrder) {
  const std::vector<std::string> texts = {"blocks.0.hook_mlp_out scale 2",
                                          "blocks.0.hook_mlp_out@1 zero"};
  Prompt prompt;
  prompt.encoding.ids = {1, 2, 3};
  const HookSpec hooks = make_edits(parse_edits(texts), {&prompt, 1});
  ASSERT_EQ(hooks.edits().size(), 2U);
  EXPECT_EQ(hooks.edits()[0].kind, EditKind::kScale);
  EXPECT_EQ(hooks.edits()[0].factor, 2.0F);
  EXPECT_EQ(hooks.edits()[1].kind, EditKind::kZero);
  EXPECT_EQ(hooks.edits()[1].pos.to_string(), "1");
}

}  // namespace
}  // namespace cutaway::cli
