// The logit lens: what the model would say if it stopped at a layer (nostalgebraist 2020).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cutaway/hooks.h>
#include <cutaway/model.h>

namespace cutaway {

struct LensOptions {
  Site site = Site::kResidPost;  ///< resid_pre, resid_mid, resid_post, attn_out or mlp_out
  std::size_t top_k = 5;
  std::optional<TokenId> target = {};  ///< also give the probability and rank of this token
  std::vector<int> layers = {};        ///< empty: all
  Positions pos = {};
  HookSpec hooks = {};  ///< edits to apply while running
};

struct LensToken {
  TokenId id;
  float logit;
  float prob;
};

/// One layer at one position. `top` is sorted by logit, descending; equal logits by id.
struct LensCell {
  int layer;
  std::size_t pos;
  std::vector<LensToken> top;
  double entropy = 0.0;  ///< of the whole distribution, in nats
  std::optional<LensToken> target = {};
  std::optional<std::size_t> target_rank = {};  ///< 0 = most likely
};

struct LensResult {
  std::vector<TokenId> tokens;
  Site site;
  std::vector<int> layers;
  std::vector<std::size_t> positions;
  std::vector<LensCell> cells;  ///< layers × positions, row-major
  const LensCell& at(std::size_t layer_index, std::size_t pos_index) const {
    return cells.at(layer_index * positions.size() + pos_index);
  }
};

/// Project the residual stream of every layer and position through the final norm, W_U and the
/// final soft cap. At the last layer's resid_post this equals the model's own output. cost: one
/// forward pass and one product with W_U a cell.
/// throws ArgumentError for another site, a layer, position or target that the model or the prompt
/// does not have.
LensResult logit_lens(const Model& model, std::span<const TokenId> tokens,
                      const LensOptions& options = {});

/// The `k` most likely tokens of one row of logits, descending; equal logits by id. Probabilities
/// are of the whole row (log-sum-exp in f64). NaN logits never enter.
std::vector<LensToken> top_tokens(std::span<const float> logits, std::size_t k);

}  // namespace cutaway
