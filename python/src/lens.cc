// The logit lens as arrays: [layers, positions] and [layers, positions, k].
#include <cutaway/lens.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"

namespace cutaway::python {
namespace {

nb::dict as_arrays(const LensResult& result) {
  const std::size_t layers = result.layers.size();
  const std::size_t positions = result.positions.size();
  const std::size_t k = result.cells.empty() ? 0 : result.cells.front().top.size();
  std::vector<TokenId> top_ids;
  std::vector<float> top_logits, top_probs, target_prob;
  std::vector<double> entropy;
  std::vector<std::size_t> target_rank;
  for (const LensCell& cell : result.cells) {
    for (const LensToken& token : cell.top) {
      top_ids.push_back(token.id);
      top_logits.push_back(token.logit);
      top_probs.push_back(token.prob);
    }
    entropy.push_back(cell.entropy);
    if (cell.target) target_prob.push_back(cell.target->prob);
    if (cell.target_rank) target_rank.push_back(*cell.target_rank);
  }
  nb::dict out;
  out["tokens"] = nb::cast(result.tokens);
  out["layers"] = nb::cast(result.layers);
  out["positions"] = nb::cast(result.positions);
  out["top_ids"] = nb::cast(to_numpy<std::int64_t>(std::move(top_ids), {layers, positions, k}));
  out["top_logits"] = nb::cast(to_numpy<float>(std::move(top_logits), {layers, positions, k}));
  out["top_probs"] = nb::cast(to_numpy<float>(std::move(top_probs), {layers, positions, k}));
  out["entropy"] = nb::cast(to_numpy<double>(std::move(entropy), {layers, positions}));
  if (!target_prob.empty()) {
    out["target_prob"] = nb::cast(to_numpy<float>(std::move(target_prob), {layers, positions}));
    out["target_rank"] =
        nb::cast(to_numpy<std::int64_t>(std::move(target_rank), {layers, positions}));
  }
  return out;
}

nb::dict lens(const Model& model, const std::vector<TokenId>& tokens, const std::string& site,
              std::size_t top_k, std::optional<TokenId> target, std::vector<int> layers,
              const Positions& pos, const nb::list& edits) {
  LensOptions options;
  options.site = HookPoint::parse("blocks.0.hook_" + site).site();
  options.top_k = top_k;
  options.target = target;
  options.layers = std::move(layers);
  options.pos = pos;
  for (nb::handle item : edits) options.hooks.edit(nb::cast<const Edit&>(item));
  const LensResult result = [&] {
    nb::gil_scoped_release release;
    return logit_lens(model, tokens, options);
  }();
  return as_arrays(result);
}

}  // namespace

void bind_lens(nb::module_& m) {
  m.def("logit_lens", &lens, nb::arg("model"), nb::arg("tokens"), nb::arg("site"), nb::arg("top_k"),
        nb::arg("target").none(), nb::arg("layers"), nb::arg("pos"), nb::arg("edits"),
        nb::sig("def logit_lens(model: Model, tokens: Sequence[int], site: str, top_k: int, "
                "target: int | None, layers: Sequence[int], pos: Positions, edits: list[Edit]) -> "
                "dict[str, typing.Any]"));
}

}  // namespace cutaway::python
