// The hook table: the single source of names, shapes and documentation (docs/hooks.md is generated
// from it).
#include <cutaway/hooks.h>

#include <algorithm>
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
    {Site::kEmbed, "hook_embed", false, false, kResidual,
     "Token embeddings, after the embedding scale if the model has one, before learned positions."},
    {Site::kPosEmbed, "hook_pos_embed", false, false, kResidual, "Learned position embeddings."},
    {Site::kResidPre, "hook_resid_pre", true, false, kResidual,
     "Residual stream that enters the block."},
    {Site::kLn1Scale, "ln1.hook_scale", true, false, kRowScale,
     "Divisor of the norm before attention: sqrt(mean of squares + eps), of the centred residual "
     "in a LayerNorm."},
    {Site::kLn1Normalized, "ln1.hook_normalized", true, false, kResidual,
     "Residual (centred in a LayerNorm) divided by that scale, before the norm's weight and bias."},
    {Site::kQ, "attn.hook_q", true, false, kHeads,
     "Queries as projected: before the query norm, if any, and before the rotation."},
    {Site::kK, "attn.hook_k", true, false, kKvHeads, "Keys as projected, one per key/value head."},
    {Site::kV, "attn.hook_v", true, false, kKvHeads, "Values, one per key/value head."},
    {Site::kQNormScale,
     "attn.q_norm.hook_scale",
     true,
     false,
     {kBatch, kPos, kQGroup, kOne},
     "Divisor of the query norm, per head (OLMo 2: one for all heads)."},
    {Site::kQNormNormalized, "attn.q_norm.hook_normalized", true, false, kHeads,
     "Queries divided by that scale, before the norm's weight."},
    {Site::kKNormScale,
     "attn.k_norm.hook_scale",
     true,
     false,
     {kBatch, kPos, kKGroup, kOne},
     "Divisor of the key norm, per key/value head (OLMo 2: one for all)."},
    {Site::kKNormNormalized, "attn.k_norm.hook_normalized", true, false, kKvHeads,
     "Keys divided by that scale, before the norm's weight."},
    {Site::kRotQ, "attn.hook_rot_q", true, false, kHeads, "Queries after the rotary embedding."},
    {Site::kRotK, "attn.hook_rot_k", true, false, kKvHeads, "Keys after the rotary embedding."},
    {Site::kScores, "attn.hook_scores", true, false, kEdges,
     "Scaled scores before soft cap and mask (candle-mi's AttnScores); future keys included."},
    {Site::kAttnScores, "attn.hook_attn_scores", true, false, kEdges,
     "Scores after soft cap and mask; keys that a query cannot see are -inf."},
    {Site::kPattern, "attn.hook_pattern", true, false, kEdges,
     "Attention weights; each row sums to 1."},
    {Site::kZ, "attn.hook_z", true, false, kHeads, "Weighted values of each head, before W_O."},
    {Site::kResult,
     "attn.hook_result",
     true,
     false,
     {kBatch, kPos, kHead, kDModel},
     "What each head adds: z W_O, without the bias. Computed only when asked for."},
    {Site::kAttnRawOut, "attn.hook_out", true, false, kResidual,
     "Attention output with its bias, before the post-norm if the model has one."},
    {Site::kLn1PostScale, "ln1_post.hook_scale", true, false, kRowScale,
     "Divisor of the norm after attention."},
    {Site::kLn1PostNormalized, "ln1_post.hook_normalized", true, false, kResidual,
     "Attention output divided by that scale, before the norm's weight."},
    {Site::kAttnOut, "hook_attn_out", true, false, kResidual,
     "What attention adds to the residual stream."},
    {Site::kResidMid, "hook_resid_mid", true, false, kResidual,
     "Residual stream between attention and MLP."},
    {Site::kLn2Scale, "ln2.hook_scale", true, false, kRowScale,
     "Divisor of the norm before the MLP."},
    {Site::kLn2Normalized, "ln2.hook_normalized", true, false, kResidual,
     "Residual (centred in a LayerNorm) divided by that scale, before the norm's weight and bias."},
    {Site::kMlpIn, "mlp.hook_in", true, false, kResidual,
     "Input of the MLP, after the norm (candle-mi's MlpPre; what a transcoder reads)."},
    {Site::kMlpPre, "mlp.hook_pre", true, false, kMlp,
     "Neurons before the activation function; the gate if the MLP is gated."},
    {Site::kMlpPreLinear, "mlp.hook_pre_linear", true, false, kMlp,
     "The linear branch of a gated MLP (up projection)."},
    {Site::kMlpPost, "mlp.hook_post", true, false, kMlp,
     "Neurons after the activation, times the linear branch if gated: what W_out reads."},
    {Site::kRouterLogits,
     "mlp.hook_router_logits",
     true,
     false,
     {kBatch, kPos, kExpert},
     "The router's raw score of each expert; -inf keeps an expert from being chosen."},
    {Site::kExpertIndices,
     "mlp.hook_expert_indices",
     true,
     false,
     {kBatch, kPos, kSlot},
     "The chosen experts, best first, as numbers; replace them to force the routing."},
    {Site::kExpertWeights,
     "mlp.hook_expert_weights",
     true,
     false,
     {kBatch, kPos, kExpert},
     "The factor of each expert's output in the sum; 0 for experts that were not chosen."},
    {Site::kExpertPre,
     "mlp.experts.{e}.hook_pre",
     true,
     true,
     {kBatch, kPos, kDExpert},
     "Gate of expert e before the activation; 0 at positions that do not use the expert."},
    {Site::kExpertPreLinear,
     "mlp.experts.{e}.hook_pre_linear",
     true,
     true,
     {kBatch, kPos, kDExpert},
     "Linear branch of expert e; 0 at positions that do not use it."},
    {Site::kExpertPost,
     "mlp.experts.{e}.hook_post",
     true,
     true,
     {kBatch, kPos, kDExpert},
     "Neurons of expert e: what its output matrix reads; 0 at positions that do not use it."},
    {Site::kSharedPre,
     "mlp.shared_expert.hook_pre",
     true,
     false,
     {kBatch, kPos, kDShared},
     "Gate of the shared expert before the activation."},
    {Site::kSharedPreLinear,
     "mlp.shared_expert.hook_pre_linear",
     true,
     false,
     {kBatch, kPos, kDShared},
     "Linear branch of the shared expert."},
    {Site::kSharedPost,
     "mlp.shared_expert.hook_post",
     true,
     false,
     {kBatch, kPos, kDShared},
     "Neurons of the shared expert."},
    {Site::kSharedGate,
     "mlp.hook_shared_expert_gate",
     true,
     false,
     {kBatch, kPos, kOne},
     "The factor of the shared expert's output: a sigmoid."},
    {Site::kMlpRawOut, "mlp.hook_out", true, false, kResidual,
     "MLP output before the post-norm if the model has one (candle-mi's MlpPost)."},
    {Site::kLn2PostScale, "ln2_post.hook_scale", true, false, kRowScale,
     "Divisor of the norm after the MLP."},
    {Site::kLn2PostNormalized, "ln2_post.hook_normalized", true, false, kResidual,
     "MLP output divided by that scale, before the norm's weight."},
    {Site::kMlpOut, "hook_mlp_out", true, false, kResidual,
     "What the MLP adds to the residual stream."},
    {Site::kResidPost, "hook_resid_post", true, false, kResidual,
     "Residual stream that leaves the block."},
    {Site::kLnFinalScale, "ln_final.hook_scale", false, false, kRowScale,
     "Divisor of the final norm."},
    {Site::kLnFinalNormalized, "ln_final.hook_normalized", false, false, kResidual,
     "Last residual divided by that scale, before the norm's weight."},
    {Site::kFinalNorm, "hook_final_norm", false, false, kResidual,
     "Output of the final norm, weight applied: what W_U reads."},
    {Site::kLogits,
     "logits",
     false,
     false,
     {kBatch, kPos, kDVocab},
     "Logits, after the final soft cap."},
}};

}  // namespace

const SiteInfo& site_info(Site site) noexcept { return kTable[static_cast<std::size_t>(site)]; }

std::string_view axis_name(Axis axis) noexcept {
  static constexpr std::array<std::string_view, 17> kNames{
      "batch",  "pos",   "q_pos",  "k_pos", "head",     "kv_head",  "q_group", "k_group", "d_model",
      "d_head", "d_mlp", "expert", "slot",  "d_expert", "d_shared", "d_vocab", "1"};
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
    case kQGroup:
      return dims.qk_norm_is_per_head ? dims.n_heads : 1;
    case kKGroup:
      return dims.qk_norm_is_per_head ? dims.n_kv_heads : 1;
    case kDModel:
      return dims.d_model;
    case kDHead:
      return dims.d_head;
    case kDMlp:
      return dims.d_mlp;
    case kExpert:
      return dims.n_experts;
    case kSlot:
      return dims.experts_per_token;
    case kDExpert:
      return dims.d_expert;
    case kDShared:
      return dims.d_shared_expert;
    case kDVocab:
      return dims.d_vocab;
    case kOne:
      return 1;
  }
  return 0;
}

namespace {

bool has_dense_layer(const HookDims& dims) {
  return dims.sparse_layers.empty() || std::ranges::count(dims.sparse_layers, false) > 0;
}

enum class MlpKind : std::uint8_t { kAny, kDense, kSparse };
MlpKind mlp_kind(Site site) noexcept {
  if (site >= Site::kMlpPre && site <= Site::kMlpPost) return MlpKind::kDense;
  if (site >= Site::kRouterLogits && site <= Site::kSharedGate) return MlpKind::kSparse;
  return MlpKind::kAny;
}

}  // namespace

bool site_exists(Site site, const HookDims& dims) noexcept {
  switch (mlp_kind(site)) {
    case MlpKind::kAny:
      break;
    case MlpKind::kDense:
      if (!has_dense_layer(dims)) return false;
      break;
    case MlpKind::kSparse:
      if (std::ranges::count(dims.sparse_layers, true) == 0) return false;
      break;
  }
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
    case Site::kLn1Scale:
    case Site::kLn1Normalized:
      return dims.has_pre_norms;
    case Site::kLn2Scale:
    case Site::kLn2Normalized:
      return dims.has_pre_norms && !dims.has_shared_norm;
    case Site::kLn1PostScale:
    case Site::kLn1PostNormalized:
    case Site::kLn2PostScale:
    case Site::kLn2PostNormalized:
      return dims.has_post_norms;
    case Site::kResidMid:
      return !dims.is_parallel;
    case Site::kMlpPreLinear:
      return dims.is_gated;
    case Site::kSharedPre:
    case Site::kSharedPreLinear:
    case Site::kSharedPost:
    case Site::kSharedGate:
      return dims.d_shared_expert > 0;
    default:
      return true;
  }
}

bool point_exists(HookPoint point, const HookDims& dims) noexcept {
  if (!site_exists(point.site(), dims) || point.layer() >= dims.n_layers) return false;
  if (point.expert() >= static_cast<int>(dims.n_experts)) return false;
  const MlpKind kind = mlp_kind(point.site());
  return kind == MlpKind::kAny || dims.is_sparse(point.layer()) == (kind == MlpKind::kSparse);
}

std::vector<HookPoint> all_hook_points(const HookDims& dims) {
  std::vector<HookPoint> points;
  const auto add = [&](HookPoint point) {
    if (point_exists(point, dims)) points.push_back(point);
  };
  std::size_t row = 0;
  for (; !kTable[row].per_layer; ++row) add(HookPoint(kTable[row].site));
  const std::size_t first_block_row = row;
  for (int layer = 0; layer < dims.n_layers; ++layer) {
    for (row = first_block_row; kTable[row].per_layer; ++row) {
      if (!kTable[row].per_expert) {
        add({kTable[row].site, layer});
        continue;
      }
      for (int e = 0; e < static_cast<int>(dims.n_experts); ++e) add({kTable[row].site, layer, e});
    }
  }
  for (row = first_block_row; kTable[row].per_layer;) ++row;
  for (; row < kTable.size(); ++row) add(HookPoint(kTable[row].site));
  return points;
}

}  // namespace cutaway
