// The hook table: the single source of names, shapes and documentation (docs/hooks.md is generated
// from it).
#include <cutaway/hooks.h>

#include <array>

namespace cutaway {
namespace {

using enum Axis;

const std::vector<Axis> kResidual{kBatch, kPos, kDModel};
const std::vector<Axis> kRowScale{kBatch, kPos, kOne};
const std::vector<Axis> kHeads{kBatch, kPos, kHead, kDHead};
const std::vector<Axis> kKvHeads{kBatch, kPos, kKvHead, kDHead};
const std::vector<Axis> kEdges{kBatch, kHead, kQPos, kKPos};
const std::vector<Axis> kMlp{kBatch, kPos, kDMlp};

const std::array<SiteInfo, kSiteCount> kTable{{
    {Site::kEmbed, "hook_embed", false, kResidual,
     "Token embeddings, after the embedding scale if the model has one, before learned positions."},
    {Site::kPosEmbed, "hook_pos_embed", false, kResidual, "Learned position embeddings."},
    {Site::kResidPre, "hook_resid_pre", true, kResidual, "Residual stream that enters the block."},
    {Site::kLn1Scale, "ln1.hook_scale", true, kRowScale,
     "Divisor of the norm before attention: sqrt(mean of squares + eps)."},
    {Site::kLn1Normalized, "ln1.hook_normalized", true, kResidual,
     "Residual divided by that scale, before the norm's weight."},
    {Site::kQ, "attn.hook_q", true, kHeads,
     "Queries as projected: before the query norm, if any, and before the rotation."},
    {Site::kK, "attn.hook_k", true, kKvHeads, "Keys as projected, one per key/value head."},
    {Site::kV, "attn.hook_v", true, kKvHeads, "Values, one per key/value head."},
    {Site::kQNormScale,
     "attn.q_norm.hook_scale",
     true,
     {kBatch, kPos, kHead, kOne},
     "Divisor of the query norm, per head."},
    {Site::kQNormNormalized, "attn.q_norm.hook_normalized", true, kHeads,
     "Queries divided by that scale, before the norm's weight."},
    {Site::kKNormScale,
     "attn.k_norm.hook_scale",
     true,
     {kBatch, kPos, kKvHead, kOne},
     "Divisor of the key norm, per key/value head."},
    {Site::kKNormNormalized, "attn.k_norm.hook_normalized", true, kKvHeads,
     "Keys divided by that scale, before the norm's weight."},
    {Site::kRotQ, "attn.hook_rot_q", true, kHeads, "Queries after the rotary embedding."},
    {Site::kRotK, "attn.hook_rot_k", true, kKvHeads, "Keys after the rotary embedding."},
    {Site::kScores, "attn.hook_scores", true, kEdges,
     "Scaled scores before soft cap and mask (candle-mi's AttnScores); future keys included."},
    {Site::kAttnScores, "attn.hook_attn_scores", true, kEdges,
     "Scores after soft cap and mask; keys that a query cannot see are -inf."},
    {Site::kPattern, "attn.hook_pattern", true, kEdges, "Attention weights; each row sums to 1."},
    {Site::kZ, "attn.hook_z", true, kHeads, "Weighted values of each head, before W_O."},
    {Site::kResult,
     "attn.hook_result",
     true,
     {kBatch, kPos, kHead, kDModel},
     "What each head adds: z W_O, without the bias. Computed only when asked for."},
    {Site::kAttnRawOut, "attn.hook_out", true, kResidual,
     "Attention output with its bias, before the post-norm if the model has one."},
    {Site::kLn1PostScale, "ln1_post.hook_scale", true, kRowScale,
     "Divisor of the norm after attention."},
    {Site::kLn1PostNormalized, "ln1_post.hook_normalized", true, kResidual,
     "Attention output divided by that scale, before the norm's weight."},
    {Site::kAttnOut, "hook_attn_out", true, kResidual,
     "What attention adds to the residual stream."},
    {Site::kResidMid, "hook_resid_mid", true, kResidual,
     "Residual stream between attention and MLP."},
    {Site::kLn2Scale, "ln2.hook_scale", true, kRowScale, "Divisor of the norm before the MLP."},
    {Site::kLn2Normalized, "ln2.hook_normalized", true, kResidual,
     "Residual divided by that scale, before the norm's weight."},
    {Site::kMlpIn, "mlp.hook_in", true, kResidual,
     "Input of the MLP, after the norm (candle-mi's MlpPre; what a transcoder reads)."},
    {Site::kMlpPre, "mlp.hook_pre", true, kMlp,
     "Neurons before the activation function; the gate if the MLP is gated."},
    {Site::kMlpPreLinear, "mlp.hook_pre_linear", true, kMlp,
     "The linear branch of a gated MLP (up projection)."},
    {Site::kMlpPost, "mlp.hook_post", true, kMlp,
     "Neurons after the activation, times the linear branch if gated: what W_out reads."},
    {Site::kMlpRawOut, "mlp.hook_out", true, kResidual,
     "MLP output before the post-norm if the model has one (candle-mi's MlpPost)."},
    {Site::kLn2PostScale, "ln2_post.hook_scale", true, kRowScale,
     "Divisor of the norm after the MLP."},
    {Site::kLn2PostNormalized, "ln2_post.hook_normalized", true, kResidual,
     "MLP output divided by that scale, before the norm's weight."},
    {Site::kMlpOut, "hook_mlp_out", true, kResidual, "What the MLP adds to the residual stream."},
    {Site::kResidPost, "hook_resid_post", true, kResidual,
     "Residual stream that leaves the block."},
    {Site::kLnFinalScale, "ln_final.hook_scale", false, kRowScale, "Divisor of the final norm."},
    {Site::kLnFinalNormalized, "ln_final.hook_normalized", false, kResidual,
     "Last residual divided by that scale, before the norm's weight."},
    {Site::kFinalNorm, "hook_final_norm", false, kResidual,
     "Output of the final norm, weight applied: what W_U reads."},
    {Site::kLogits, "logits", false, {kBatch, kPos, kDVocab}, "Logits, after the final soft cap."},
}};

}  // namespace

const SiteInfo& site_info(Site site) noexcept { return kTable[static_cast<std::size_t>(site)]; }

std::string_view axis_name(Axis axis) noexcept {
  static constexpr std::array<std::string_view, 11> kNames{"batch", "pos",     "q_pos",   "k_pos",
                                                           "head",  "kv_head", "d_model", "d_head",
                                                           "d_mlp", "d_vocab", "1"};
  return kNames[static_cast<std::size_t>(axis)];
}

std::size_t axis_extent(Axis axis, const HookDims& dims) noexcept {
  switch (axis) {
    case kBatch:
    case kPos:
    case kQPos:
    case kKPos:
      return 0;
    case kHead:
      return dims.n_heads;
    case kKvHead:
      return dims.n_kv_heads;
    case kDModel:
      return dims.d_model;
    case kDHead:
      return dims.d_head;
    case kDMlp:
      return dims.d_mlp;
    case kDVocab:
      return dims.d_vocab;
    case kOne:
      return 1;
  }
  return 0;
}

bool site_exists(Site site, const HookDims& dims) noexcept {
  switch (site) {
    case Site::kPosEmbed:
      return dims.has_learned_positions;
    case Site::kRotQ:
    case Site::kRotK:
      return dims.has_rotary;
    case Site::kQNormScale:
    case Site::kQNormNormalized:
    case Site::kKNormScale:
    case Site::kKNormNormalized:
      return dims.has_qk_norm;
    case Site::kLn1PostScale:
    case Site::kLn1PostNormalized:
    case Site::kLn2PostScale:
    case Site::kLn2PostNormalized:
      return dims.has_post_norms;
    case Site::kMlpPreLinear:
      return dims.is_gated;
    default:
      return true;
  }
}

std::vector<HookPoint> all_hook_points(const HookDims& dims) {
  std::vector<HookPoint> points;
  const auto add = [&](const SiteInfo& info, int layer) {
    if (site_exists(info.site, dims)) points.emplace_back(info.site, layer);
  };
  std::size_t row = 0;
  for (; !kTable[row].per_layer; ++row) add(kTable[row], -1);
  const std::size_t first_block_row = row;
  for (int layer = 0; layer < dims.n_layers; ++layer) {
    for (row = first_block_row; kTable[row].per_layer; ++row) add(kTable[row], layer);
  }
  for (row = first_block_row; kTable[row].per_layer;) ++row;
  for (; row < kTable.size(); ++row) add(kTable[row], -1);
  return points;
}

}  // namespace cutaway
