// The families as data: one row each, defaults are Llama's. The forward pass branches on an axis,
// never on a name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <cutaway/config.h>

namespace cutaway {

/// Which layers see only a window of keys, if the config does not list them (`layer_types`).
enum class WindowRule : std::uint8_t {
  kNone,
  kAllLayers,      ///< mistral, phi3, starcoder2: every layer, if `sliding_window` is set
  kEvenLayers,     ///< gemma2: layers 0, 2, 4 ...
  kPattern,        ///< gemma3: all but every `sliding_window_pattern`-th
  kFromMaxLayers,  ///< qwen2: if `use_sliding_window`, from layer `max_window_layers` on
  kEvenBelowMax,   ///< qwen2_moe: if `use_sliding_window`, even layers below `max_window_layers`
};

/// How a checkpoint holds q, k and v.
enum class QkvLayout : std::uint8_t {
  kSeparate,
  kFused,        ///< one matrix: rows of q, then of k, then of v
  kFusedByHead,  ///< one matrix: rows of q, k and v of head 0, then of head 1 ... (GPT-NeoX)
};

/// Names of config.json's keys. Empty: this family has no such key.
struct ConfigKeys {
  std::string_view d_model = "hidden_size";
  std::string_view n_layers = "num_hidden_layers";
  std::string_view n_heads = "num_attention_heads";
  std::string_view n_kv_heads = "num_key_value_heads";
  std::string_view d_head = "head_dim";
  std::string_view d_mlp = "intermediate_size";
  std::string_view n_ctx = "max_position_embeddings";
  std::string_view norm_eps = "rms_norm_eps";
  std::string_view act = "hidden_act";
  std::string_view rope_theta = "rope_theta";
  std::string_view rotary_share = "";  ///< of a head's dimensions
  std::string_view rotary_dims = "";   ///< ... or their number
  std::string_view qkv_bias = "attention_bias";
  std::string_view o_bias = "attention_bias";
  std::string_view mlp_bias = "mlp_bias";
  std::string_view embed_scale = "";
  std::string_view attn_scale = "";
  std::string_view attn_scaled = "";  ///< a flag: false leaves q·k as it is
  std::string_view attn_scale_by_layer = "";
  std::string_view residual_scale = "";
  std::string_view logit_scale = "";    ///< multiplies
  std::string_view logit_divisor = "";  ///< divides
  std::string_view qk_norm = "";        ///< a flag that switches `Family::qk_norm` on
  std::string_view parallel = "";       ///< a flag that overrides `Family::is_parallel`
  std::string_view n_experts = "";
  std::string_view d_expert = "";
  std::string_view d_shared_expert = "";
};

/// Names of the tensors, without ".weight" and ".bias". Empty: the family has no such part, and the
/// axes of the config follow from that (no `ln2`: a shared norm; no `gate`: a plain MLP).
struct TensorNames {
  std::string_view prefix = "model.";  ///< of all but the head; files of the body alone lack it
  std::string_view embed = "embed_tokens";
  std::string_view positions = "";
  std::string_view ln_final = "norm";
  std::string_view head = "lm_head";   ///< whole name
  std::string_view block = "layers.";  ///< then the layer's number and a point
  std::string_view ln1 = "input_layernorm";
  std::string_view ln1_post = "";
  std::string_view ln2 = "post_attention_layernorm";
  std::string_view ln2_post = "";
  std::string_view q = "self_attn.q_proj";
  std::string_view k = "self_attn.k_proj";
  std::string_view v = "self_attn.v_proj";
  std::string_view qkv = "";
  std::string_view o = "self_attn.o_proj";
  std::string_view q_norm = "self_attn.q_norm";
  std::string_view k_norm = "self_attn.k_norm";
  std::string_view gate = "mlp.gate_proj";
  std::string_view up = "mlp.up_proj";
  std::string_view gate_up = "";
  std::string_view down = "mlp.down_proj";
  std::string_view router = "";
  std::string_view expert = "";  ///< then the expert's number, a point and one of the three below
  std::string_view expert_gate = "gate_proj";
  std::string_view expert_up = "up_proj";
  std::string_view expert_down = "down_proj";
  std::string_view shared_expert = "";  ///< then a point and one of the three above
  std::string_view shared_gate = "";

  std::string block_name(int layer, std::string_view part) const;
};

struct Family {
  std::string_view model_type;      ///< config.json
  std::string_view gguf_arch = "";  ///< general.architecture; empty: not read from GGUF
  ConfigKeys keys = {};
  TensorNames names = {};
  // Defaults of absent keys.
  double norm_eps = 1e-6;
  double rope_theta = 10000.0;
  double rotary_share = 1.0;
  std::size_t n_ctx = 2048;
  std::size_t d_head = 0;      ///< 0: d_model / n_heads
  std::size_t mlp_factor = 0;  ///< d_mlp / d_model if the file does not say; 0: it must
  std::size_t window = 0;      ///< of files that say nothing (null says: none)
  bool tied_embeddings = false;
  std::string_view act = "silu";
  bool qkv_bias = false, o_bias = false, mlp_bias = false, unembed_bias = false;
  double logit_scale = 1.0;
  // Axes.
  Norm norm = Norm::kRms;
  bool norm_bias = false;
  bool norm_adds_one = false;
  bool scale_embed = false;  ///< by sqrt(d_model)
  bool is_parallel = false;
  QkNorm qk_norm = QkNorm::kNone;
  bool soft_caps = false;              ///< reads attn_logit_softcapping and final_logit_softcapping
  bool query_pre_attn_scalar = false;  ///< attention scale from this key instead of d_head
  bool has_rotary = true;
  bool rotary_pairs = false;
  bool local_rope = false;  ///< layers with a window have a rope of their own
  QkvLayout qkv = QkvLayout::kSeparate;
  bool transposed = false;         ///< matrices of blocks are [in, out] (GPT-2's Conv1D)
  std::size_t first_position = 0;  ///< row of the position table that position 0 reads (OPT: 2)
  WindowRule windows = WindowRule::kNone;
  bool normalize_experts = false;
  bool expert_keys = false;  ///< reads norm_topk_prob, decoder_sparse_step and mlp_only_layers
  bool gguf_interleaved_rope =
      false;  ///< GGUF files hold q and k rows permuted for pair-wise rotation
  /// Keys that change no number of a pass in this family, beside those harmless everywhere.
  std::span<const std::string_view> harmless = {};
  /// Flags that this version handles in one state only.
  struct Required {
    std::string_view key;
    bool value;
  };
  std::span<const Required> required = {};

  bool has_shared_norm() const noexcept { return !names.ln1.empty() && names.ln2.empty(); }
  bool is_gated() const noexcept { return !names.gate.empty() || !names.gate_up.empty(); }
};

std::span<const Family> families() noexcept;
/// nullptr if there is no such row.
const Family* find_family(std::string_view model_type) noexcept;
const Family* find_gguf_family(std::string_view arch) noexcept;
/// "llama, qwen2, ...": for messages.
std::string supported_families();

}  // namespace cutaway
