#include "model/families.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace cutaway {
namespace {

constexpr ConfigKeys kNoBiasKeys = {.qkv_bias = "", .o_bias = "", .mlp_bias = ""};
constexpr ConfigKeys kNoMlpBiasKey = {.mlp_bias = ""};
// The keys of GPT-2 and those who followed it.
constexpr ConfigKeys kGpt2Keys = {.d_model = "n_embd",
                                  .n_layers = "n_layer",
                                  .n_heads = "n_head",
                                  .n_kv_heads = "",
                                  .d_head = "",
                                  .d_mlp = "n_inner",
                                  .n_ctx = "n_positions",
                                  .norm_eps = "layer_norm_epsilon",
                                  .act = "activation_function",
                                  .rope_theta = "",
                                  .qkv_bias = "",
                                  .o_bias = "",
                                  .mlp_bias = "",
                                  .attn_scaled = "scale_attn_weights",
                                  .attn_scale_by_layer = "scale_attn_by_inverse_layer_idx"};
constexpr ConfigKeys kGptJKeys = [] {
  ConfigKeys keys = kGpt2Keys;
  keys.rotary_dims = "rotary_dim";
  keys.attn_scaled = keys.attn_scale_by_layer = "";
  return keys;
}();

constexpr TensorNames kFourNorms = {.ln1_post = "post_attention_layernorm",
                                    .ln2 = "pre_feedforward_layernorm",
                                    .ln2_post = "post_feedforward_layernorm"};

constexpr std::string_view kGpt2Harmless[] = {"n_ctx",                    // what n_positions says
                                              "reorder_and_upcast_attn",  // f16 only
                                              "rotary",
                                              "summary_type",
                                              "summary_use_proj",
                                              "summary_activation",
                                              "summary_proj_to_labels",
                                              "summary_first_dropout"};
constexpr Family::Required kGpt2Required[] = {{"add_cross_attention", false}};
constexpr Family::Required kGptJRequired[] = {{"scale_attn_weights", true}};
constexpr std::string_view kStarcoder2Harmless[] = {"norm_type",
                                                    "mlp_type",
                                                    "attention_type",
                                                    "attention_softmax_in_fp32",
                                                    "scale_attention_softmax_in_fp32",
                                                    "scale_attn_weights"};
constexpr std::string_view kPhi3Harmless[] = {"full_attn_mod", "interpolate_factor"};
constexpr Family::Required kPhi3Required[] = {{"lm_head_bias", false}};
constexpr std::string_view kOptHarmless[] = {"prefix"};
constexpr Family::Required kOptRequired[] = {{"do_layer_norm_before", true},
                                             {"layer_norm_elementwise_affine", true},
                                             {"_remove_final_layer_norm", false}};
constexpr std::string_view kMoeHarmless[] = {"output_router_logits", "router_aux_loss_coef",
                                             "router_jitter_noise"};

constexpr Family kFamilies[] = {
    {.model_type = "llama", .gguf_arch = "llama", .gguf_interleaved_rope = true},
    {.model_type = "mistral",
     .keys = kNoBiasKeys,
     .n_ctx = 131072,
     .window = 4096,
     .windows = WindowRule::kAllLayers},
    {.model_type = "qwen2",
     .gguf_arch = "qwen2",
     .keys = kNoBiasKeys,
     .n_ctx = 32768,
     .qkv_bias = true,
     .windows = WindowRule::kFromMaxLayers},
    {.model_type = "qwen3",
     .gguf_arch = "qwen3",
     .keys = kNoMlpBiasKey,
     .n_ctx = 32768,
     .d_head = 128,
     .qk_norm = QkNorm::kHead,
     .windows = WindowRule::kFromMaxLayers},
    {.model_type = "gemma",
     .gguf_arch = "gemma",
     .keys = kNoMlpBiasKey,
     .n_ctx = 8192,
     .d_head = 256,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .norm_adds_one = true,
     .scale_embed = true},
    {.model_type = "gemma2",
     .gguf_arch = "gemma2",
     .keys = kNoMlpBiasKey,
     .names = kFourNorms,
     .n_ctx = 8192,
     .d_head = 256,
     .window = 4096,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .norm_adds_one = true,
     .scale_embed = true,
     .soft_caps = true,
     .query_pre_attn_scalar = true,
     .windows = WindowRule::kEvenLayers},
    {.model_type = "gemma3_text",
     .gguf_arch = "gemma3",
     .keys = kNoMlpBiasKey,
     .names = kFourNorms,
     .rope_theta = 1e6,
     .n_ctx = 131072,
     .d_head = 256,
     .window = 4096,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .norm_adds_one = true,
     .scale_embed = true,
     .qk_norm = QkNorm::kHead,
     .soft_caps = true,
     .query_pre_attn_scalar = true,
     .local_rope = true,
     .windows = WindowRule::kPattern},
    {.model_type = "phi3",
     .keys =
         {.rotary_share = "partial_rotary_factor", .qkv_bias = "", .o_bias = "", .mlp_bias = ""},
     .names = {.qkv = "self_attn.qkv_proj", .gate = "", .gate_up = "mlp.gate_up_proj"},
     .norm_eps = 1e-5,
     .n_ctx = 4096,
     .qkv = QkvLayout::kFused,
     .windows = WindowRule::kAllLayers,
     .harmless = kPhi3Harmless,
     .required = kPhi3Required},
    {.model_type = "starcoder2",
     .keys = {.norm_eps = "norm_epsilon",
              .qkv_bias = "use_bias",
              .o_bias = "use_bias",
              .mlp_bias = "use_bias"},
     .names = {.gate = "", .up = "mlp.c_fc", .down = "mlp.c_proj"},
     .norm_eps = 1e-5,
     .n_ctx = 4096,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .qkv_bias = true,
     .o_bias = true,
     .mlp_bias = true,
     .norm = Norm::kLayer,
     .norm_bias = true,
     .windows = WindowRule::kAllLayers,
     .harmless = kStarcoder2Harmless},
    {.model_type = "gpt2",
     .gguf_arch = "gpt2",
     .keys = kGpt2Keys,
     .names = {.prefix = "transformer.",
               .embed = "wte",
               .positions = "wpe",
               .ln_final = "ln_f",
               .block = "h.",
               .ln1 = "ln_1",
               .ln2 = "ln_2",
               .qkv = "attn.c_attn",
               .o = "attn.c_proj",
               .gate = "",
               .up = "mlp.c_fc",
               .down = "mlp.c_proj"},
     .norm_eps = 1e-5,
     .n_ctx = 1024,
     .mlp_factor = 4,
     .tied_embeddings = true,
     .act = "gelu_new",
     .qkv_bias = true,
     .o_bias = true,
     .mlp_bias = true,
     .norm = Norm::kLayer,
     .norm_bias = true,
     .has_rotary = false,
     .qkv = QkvLayout::kFused,
     .transposed = true,
     .harmless = kGpt2Harmless,
     .required = kGpt2Required},
    {.model_type = "gpt_neox",
     .gguf_arch = "gptneox",
     .keys = {.n_kv_heads = "",
              .d_head = "",
              .norm_eps = "layer_norm_eps",
              .rope_theta = "rotary_emb_base",
              .rotary_share = "rotary_pct",
              .mlp_bias = "",
              .parallel = "use_parallel_residual"},
     .names = {.prefix = "gpt_neox.",
               .embed = "embed_in",
               .ln_final = "final_layer_norm",
               .head = "embed_out",
               .qkv = "attention.query_key_value",
               .o = "attention.dense",
               .gate = "",
               .up = "mlp.dense_h_to_4h",
               .down = "mlp.dense_4h_to_h"},
     .norm_eps = 1e-5,
     .rotary_share = 0.25,
     .act = "gelu",
     .qkv_bias = true,
     .o_bias = true,
     .mlp_bias = true,
     .norm = Norm::kLayer,
     .norm_bias = true,
     .is_parallel = true,
     .qkv = QkvLayout::kFusedByHead},
    {.model_type = "gptj",
     .keys = kGptJKeys,
     .names = {.prefix = "transformer.",
               .embed = "wte",
               .ln_final = "ln_f",
               .block = "h.",
               .ln1 = "ln_1",
               .ln2 = "",
               .q = "attn.q_proj",
               .k = "attn.k_proj",
               .v = "attn.v_proj",
               .o = "attn.out_proj",
               .gate = "",
               .up = "mlp.fc_in",
               .down = "mlp.fc_out"},
     .norm_eps = 1e-5,
     .mlp_factor = 4,
     .act = "gelu_new",
     .mlp_bias = true,
     .unembed_bias = true,
     .norm = Norm::kLayer,
     .norm_bias = true,
     .is_parallel = true,
     .rotary_pairs = true,
     .harmless = kGpt2Harmless,
     .required = kGptJRequired},
    {.model_type = "opt",
     .keys = {.n_kv_heads = "",
              .d_head = "",
              .d_mlp = "ffn_dim",
              .norm_eps = "",
              .act = "activation_function",
              .rope_theta = "",
              .qkv_bias = "enable_bias",
              .o_bias = "enable_bias",
              .mlp_bias = "enable_bias"},
     .names = {.prefix = "model.decoder.",
               .positions = "embed_positions",
               .ln_final = "final_layer_norm",
               .ln1 = "self_attn_layer_norm",
               .ln2 = "final_layer_norm",
               .o = "self_attn.out_proj",
               .gate = "",
               .up = "fc1",
               .down = "fc2"},
     .norm_eps = 1e-5,
     .tied_embeddings = true,
     .act = "relu",
     .qkv_bias = true,
     .o_bias = true,
     .mlp_bias = true,
     .norm = Norm::kLayer,
     .norm_bias = true,
     .has_rotary = false,
     .first_position = 2,
     .harmless = kOptHarmless,
     .required = kOptRequired},
    {.model_type = "olmo2",
     .gguf_arch = "olmo2",
     .keys = kNoMlpBiasKey,
     .names = {.ln1 = "",
               .ln1_post = "post_attention_layernorm",
               .ln2 = "",
               .ln2_post = "post_feedforward_layernorm"},
     .norm_eps = 1e-5,
     .qk_norm = QkNorm::kAllHeads},
    {.model_type = "granite",
     .gguf_arch = "granite",
     .keys = {.embed_scale = "embedding_multiplier",
              .attn_scale = "attention_multiplier",
              .residual_scale = "residual_multiplier",
              .logit_divisor = "logits_scaling"},
     .gguf_interleaved_rope = true},
    {.model_type = "cohere",
     .gguf_arch = "command-r",
     .keys = {.norm_eps = "layer_norm_eps",
              .mlp_bias = "",
              .logit_scale = "logit_scale",
              .qk_norm = "use_qk_norm"},
     .names = {.ln2 = ""},
     .norm_eps = 1e-5,
     .rope_theta = 500000.0,
     .n_ctx = 8192,
     .tied_embeddings = true,
     .logit_scale = 0.0625,
     .norm = Norm::kLayer,
     .is_parallel = true,
     .qk_norm = QkNorm::kHeadLayer,
     .rotary_pairs = true},
    {.model_type = "mixtral",
     .keys = {.qkv_bias = "",
              .o_bias = "",
              .mlp_bias = "",
              .n_experts = "num_local_experts",
              .d_expert = "intermediate_size"},
     .names = {.router = "block_sparse_moe.gate",
               .expert = "block_sparse_moe.experts.",
               .expert_gate = "w1",
               .expert_up = "w3",
               .expert_down = "w2"},
     .norm_eps = 1e-5,
     .rope_theta = 1e6,
     .n_ctx = 131072,
     .windows = WindowRule::kAllLayers,
     .normalize_experts = true,
     .harmless = kMoeHarmless},
    {.model_type = "qwen2_moe",
     .keys = {.qkv_bias = "qkv_bias",
              .o_bias = "",
              .mlp_bias = "",
              .n_experts = "num_experts",
              .d_expert = "moe_intermediate_size",
              .d_shared_expert = "shared_expert_intermediate_size"},
     .names = {.router = "mlp.gate",
               .expert = "mlp.experts.",
               .shared_expert = "mlp.shared_expert",
               .shared_gate = "mlp.shared_expert_gate"},
     .n_ctx = 32768,
     .qkv_bias = true,
     .windows = WindowRule::kEvenBelowMax,
     .expert_keys = true,
     .harmless = kMoeHarmless},
};

}  // namespace

std::string TensorNames::block_name(int layer, std::string_view part) const {
  return fmt::format("{}{}{}.{}", prefix, block, layer, part);
}

std::span<const Family> families() noexcept { return kFamilies; }

const Family* find_family(std::string_view model_type) noexcept {
  const auto* it = std::ranges::find(kFamilies, model_type, &Family::model_type);
  return it == std::end(kFamilies) ? nullptr : it;
}

const Family* find_gguf_family(std::string_view arch) noexcept {
  const auto* it = std::ranges::find(kFamilies, arch, &Family::gguf_arch);
  return it == std::end(kFamilies) || arch.empty() ? nullptr : it;
}

std::string supported_families() {
  std::string out;
  for (const Family& family : kFamilies)
    out += (out.empty() ? "" : ", ") + std::string(family.model_type);
  return out;
}

std::string_view act_name(Act act) noexcept {
  switch (act) {
    case Act::kSilu:
      return "silu";
    case Act::kGelu:
      return "gelu";
    case Act::kGeluTanh:
      return "gelu_tanh";
    case Act::kRelu:
      return "relu";
  }
  return "";
}

std::string_view norm_name(Norm norm) noexcept { return norm == Norm::kRms ? "rms" : "layer"; }

std::string_view qk_norm_name(QkNorm norm) noexcept {
  switch (norm) {
    case QkNorm::kNone:
      return "none";
    case QkNorm::kHead:
      return "head";
    case QkNorm::kAllHeads:
      return "all_heads";
    case QkNorm::kHeadLayer:
      return "head_layer";
  }
  return "";
}

std::string_view rope_scaling_name(RopeScaling scaling) noexcept {
  switch (scaling) {
    case RopeScaling::kNone:
      return "none";
    case RopeScaling::kLinear:
      return "linear";
    case RopeScaling::kLlama3:
      return "llama3";
    case RopeScaling::kDynamic:
      return "dynamic";
    case RopeScaling::kYarn:
      return "yarn";
    case RopeScaling::kLongRope:
      return "longrope";
  }
  return "";
}

}  // namespace cutaway
