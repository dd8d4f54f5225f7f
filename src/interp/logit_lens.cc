#include <cutaway/error.h>
#include <cutaway/lens.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"

namespace cutaway {
namespace {

constexpr std::array kLensSites = {Site::kResidPre, Site::kResidMid, Site::kResidPost,
                                   Site::kAttnOut, Site::kMlpOut};

// Logits of one block of cells: 64 MiB at most, whatever the vocabulary.
constexpr std::size_t kBlockFloats = std::size_t{1} << 24;

void check_site(Site site) {
  if (std::find(kLensSites.begin(), kLensSites.end(), site) == kLensSites.end()) {
    throw ArgumentError("site",
                        fmt::format("{}, expected resid_pre, resid_mid, resid_post, attn_out or "
                                    "mlp_out",
                                    site_info(site).suffix));
  }
}

std::vector<int> checked_layers(const std::vector<int>& wanted, int n_layers) {
  std::vector<int> layers = wanted;
  if (layers.empty()) {
    for (int layer = 0; layer < n_layers; ++layer) layers.push_back(layer);
  }
  for (int layer : layers) {
    if (layer < 0 || layer >= n_layers) {
      throw ArgumentError("layers", fmt::format("{}, expected 0 to {} (the model has {} layers)",
                                                layer, n_layers - 1, n_layers));
    }
  }
  return layers;
}

LensToken token_of(std::span<const float> logits, std::size_t id, double log_sum) {
  const double prob = std::exp(static_cast<double>(logits[id]) - log_sum);
  return {static_cast<TokenId>(id), logits[id], static_cast<float>(prob)};
}

std::vector<LensToken> top_of(std::span<const float> logits, std::size_t k, double log_sum) {
  std::vector<std::size_t> ids;
  kernels::top_k(logits, k, ids);
  std::vector<LensToken> top;
  top.reserve(ids.size());
  for (std::size_t id : ids) top.push_back(token_of(logits, id, log_sum));
  return top;
}

// -sum of p log p, with log p = logit - log_sum; a logit of -inf adds nothing.
double entropy_of(std::span<const float> logits, double log_sum) {
  double entropy = 0.0;
  for (float logit : logits) {
    const double log_p = static_cast<double>(logit) - log_sum;
    const double p = std::exp(log_p);
    if (p != 0.0) entropy -= p * log_p;
  }
  return entropy;
}

// Tokens that come before `target` in the order of `top`: larger logits, then smaller ids.
std::size_t rank_of(std::span<const float> logits, std::size_t target) {
  std::size_t rank = 0;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    rank += logits[id] > logits[target] || (logits[id] == logits[target] && id < target) ? 1 : 0;
  }
  return rank;
}

void fill(LensCell& cell, std::span<const float> logits, const LensOptions& options) {
  const double log_sum = kernels::log_sum_exp(logits);
  cell.top = top_of(logits, options.top_k, log_sum);
  cell.entropy = entropy_of(logits, log_sum);
  if (options.target) {
    const auto target = static_cast<std::size_t>(*options.target);
    cell.target = token_of(logits, target, log_sum);
    cell.target_rank = rank_of(logits, target);
  }
}

}  // namespace

std::vector<LensToken> top_tokens(std::span<const float> logits, std::size_t k) {
  return top_of(logits, k, kernels::log_sum_exp(logits));
}

LensResult logit_lens(const Model& model, std::span<const TokenId> tokens,
                      const LensOptions& options) {
  const ModelConfig& config = model.config();
  check_site(options.site);
  LensResult result;
  result.tokens.assign(tokens.begin(), tokens.end());
  result.site = options.site;
  result.layers = checked_layers(options.layers, config.n_layers);
  result.positions = options.pos.resolve(tokens.size(), "pos");
  if (options.target &&
      (*options.target < 0 || static_cast<std::size_t>(*options.target) >= config.d_vocab)) {
    throw ArgumentError("target", fmt::format("token id {}, expected 0 to {}", *options.target,
                                              config.d_vocab - 1));
  }

  HookSpec hooks;
  for (const Edit& edit : options.hooks.edits()) hooks.edit(edit);
  for (int layer : std::set<int>(result.layers.begin(), result.layers.end())) {
    hooks.capture(HookPoint(options.site, layer));
  }
  const RunResult run = model.run(tokens, hooks, {.logits = LogitRows::kNone});

  const std::size_t n_pos = result.positions.size();
  result.cells.resize(result.layers.size() * n_pos);
  const std::size_t block_rows = std::clamp<std::size_t>(
      kBlockFloats / std::max<std::size_t>(config.d_vocab, 1), 1, result.cells.size());
  for (std::size_t first = 0; first < result.cells.size(); first += block_rows) {
    model.runtime().check_interrupt();
    model.runtime().report("lens", first, result.cells.size());
    const std::size_t rows = std::min(block_rows, result.cells.size() - first);
    Tensor resid = Tensor::uninitialized({rows, config.d_model});
    for (std::size_t i = 0; i < rows; ++i) {
      LensCell& cell = result.cells[first + i];
      cell.layer = result.layers[(first + i) / n_pos];
      cell.pos = result.positions[(first + i) % n_pos];
      const auto captured = run.at(HookPoint(options.site, cell.layer)).view<3>();
      const float* row = &captured(std::size_t{0}, cell.pos, std::size_t{0});
      std::copy_n(row, config.d_model, resid.data() + i * config.d_model);
    }
    const Tensor logits = model.unembed(std::as_const(resid).view<2>());
    const auto view = logits.view<2>();
    model.runtime().pool().parallel_for(
        rows, [&](std::size_t i) { fill(result.cells[first + i], view.row(i), options); });
  }
  model.runtime().report("lens", result.cells.size(), result.cells.size());
  return result;
}

}  // namespace cutaway
