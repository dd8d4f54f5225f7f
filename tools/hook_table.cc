// Writes docs/hooks.md from the hook table in code:  cutaway_hook_table [--check] FILE
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include <cutaway/hooks.h>

namespace {

using namespace cutaway;  // NOLINT: a tool of one file

std::string condition(Site site) {
  HookDims all{.n_layers = 2,
               .has_learned_positions = true,
               .has_rotary = true,
               .has_post_norms = true,
               .has_qk_norm = true,
               .is_gated = true,
               .n_experts = 1,
               .d_shared_expert = 1,
               .sparse_layers = {false, true}};
  const auto needs = [&](bool HookDims::*part) {
    HookDims without = all;
    without.*part = false;
    return !site_exists(site, without);
  };
  const auto fails_with = [&](bool HookDims::*part) {
    HookDims with = all;
    with.*part = true;
    return !site_exists(site, with);
  };
  const auto without_layers = [&](std::vector<bool> sparse) {
    HookDims dims = all;
    dims.sparse_layers = std::move(sparse);
    return !site_exists(site, dims);
  };
  HookDims no_shared = all;
  no_shared.d_shared_expert = 0;
  if (!site_exists(site, no_shared)) return "shared expert";
  if (without_layers({false, false})) return "mixture of experts";
  if (needs(&HookDims::is_gated)) return "gated MLP";
  if (without_layers({true, true})) return "MLP without experts";
  if (fails_with(&HookDims::has_shared_norm)) return "a norm of its own";
  if (needs(&HookDims::has_pre_norms)) return "norms before";
  if (fails_with(&HookDims::is_parallel)) return "attention before MLP";
  if (needs(&HookDims::has_learned_positions)) return "learned positions";
  if (needs(&HookDims::has_rotary)) return "rotary embedding";
  if (needs(&HookDims::has_post_norms)) return "post-norms";
  if (needs(&HookDims::has_qk_norm)) return "query and key norms";
  return "always";
}

std::string shape(const SiteInfo& info) {
  std::string out = "[";
  for (std::size_t i = 0; i < info.axes.size(); ++i)
    out += (i > 0 ? ", " : "") + std::string(axis_name(info.axes[i]));
  return out + "]";
}

std::string document() {
  std::ostringstream out;
  out << "# Hook points\n\n"
         "Generated from the table in `src/hooks/site_table.cc` by `tools/hook_table.cc`; a test "
         "fails when the two differ.\n\n"
         "The names are TransformerLens's. `{i}` is a layer and `{e}` an expert, from 0. All "
         "values are f32. A pass "
         "reaches the points in this order; at a point, edits act in the\n"
         "order given and then captures copy the value (`when=\"before\"` copies it untouched). "
         "`cutaway info MODEL` lists the points of a model with their sizes.\n\n"
         "| name | shape | exists with | value |\n| --- | --- | --- | --- |\n";
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    out << "| `" << (info.per_layer ? "blocks.{i}." : "") << info.suffix << "` | `" << shape(info)
        << "` | " << condition(info.site) << " | " << info.doc << " |\n";
  }
  out << "\n`hook_logits` is accepted for `logits`.\n\n"
         "## Mixtures of experts\n\n"
         "The router scores the experts, the best are chosen, their weights follow from the "
         "scores, "
         "and the output is the sum of each\nexpert's output times its weight. Each step can be "
         "edited, and what follows is computed from the edit:\n\n"
         "- `mlp.hook_router_logits#e knockout`: expert e is never chosen; the next best takes its "
         "place.\n"
         "- `mlp.hook_expert_indices replace`: forced routing; the weights are those that the "
         "router gives to the experts named (-1: none).\n"
         "- `mlp.hook_expert_weights#e zero`: what expert e adds is removed, and nothing else "
         "changes. With every expert (and the shared\n  expert's gate) at zero the MLP adds "
         "nothing. An expert that was not chosen takes part if its weight is made other than 0.\n"
         "- `mlp.experts.{e}.hook_post` and its like: the neurons of one expert, at the positions "
         "that use it.\n\n"
         "## Names that other tools use otherwise\n\n"
         "- candle-mi's `mlp.hook_pre` and `mlp.hook_post` are the MLP's input and output in "
         "`d_model`: here `mlp.hook_in` and `mlp.hook_out`.\n"
         "  `mlp.hook_pre` and `mlp.hook_post` are the `d_mlp`-wide neurons, as in "
         "TransformerLens.\n"
         "- candle-mi's `attn.hook_scores` (before cap and mask) has its own point of that name; "
         "`attn.hook_attn_scores` is after both, as in TransformerLens.\n"
         "- `ln_final.hook_normalized` is before the norm's weight, as in TransformerLens; "
         "candle-mi's `hook_final_norm` is after it.\n\n"
         "## Edits\n\n"
         "| edit | does | where |\n| --- | --- | --- |\n"
         "| `add` | adds a value times a factor | everywhere |\n"
         "| `replace` | puts a value in place | everywhere |\n"
         "| `zero` | sets to 0 (at `attn.hook_attn_scores` this uncovers masked keys) | everywhere "
         "|\n"
         "| `scale` | multiplies; a masked score stays masked | everywhere |\n"
         "| `mean` | replaces by the mean of given data over all axes before the point's own | "
         "everywhere but attention edges |\n"
         "| `knockout` | cuts attention edges: the score becomes -inf, so the weight is exactly 0; "
         "a query with every key cut attends to nothing | "
         "`attn.hook_attn_scores` |\n"
         "| `call` | hands the whole array to a function | everywhere |\n\n"
         "Editing `attn.hook_result` at a position makes the attention output there the sum of the "
         "edited results and the bias; positions that the edit leaves as\n"
         "they were keep the ordinary product, bit for bit.\n";
  return out.str();
}

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc == 3 && std::string(argv[1]) == "--check";
  if (!check && argc != 2) {
    std::cerr << "usage: cutaway_hook_table [--check] FILE\n";
    return 2;
  }
  const std::string path = argv[argc - 1], wanted = document();
  if (check) {
    std::ifstream file(path);
    std::stringstream found;
    found << file.rdbuf();
    if (found.str() == wanted) return 0;
    std::cerr << path << " is not what the hook table says; run: cutaway_hook_table " << path
              << "\n";
    return 1;
  }
  std::ofstream(path) << wanted;
  return 0;
}
