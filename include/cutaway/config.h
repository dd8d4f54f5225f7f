// The sizes and architecture axes of a model, whatever file they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/hooks.h>

namespace cutaway {

enum class Act : std::uint8_t { kSilu, kGelu, kGeluTanh, kRelu };
enum class Norm : std::uint8_t { kRms, kLayer };
/// Norms of q and k before the rotation.
enum class QkNorm : std::uint8_t {
  kNone,
  kHead,       ///< RMSNorm of each head, one weight for all heads (Gemma 3, Qwen 3)
  kAllHeads,   ///< RMSNorm over all heads of a position together (OLMo 2)
  kHeadLayer,  ///< LayerNorm of each head, a weight a head (Command R+)
};
enum class RopeScaling : std::uint8_t { kNone, kLinear, kLlama3, kDynamic, kYarn, kLongRope };

/// "silu", "gelu", "gelu_tanh", "relu"; "rms", "layer"; "none", "head", "all_heads", "head_layer";
/// "none", "linear", "llama3", "dynamic", "yarn", "longrope": the spelling in JSON, the CLI and
/// Python.
std::string_view act_name(Act act) noexcept;
std::string_view norm_name(Norm norm) noexcept;
std::string_view qk_norm_name(QkNorm norm) noexcept;
std::string_view rope_scaling_name(RopeScaling scaling) noexcept;

/// Rotary embedding: which dimensions of a head turn, and how fast (Hugging Face's
/// `rope_parameters`).
struct RopeConfig {
  std::size_t dims = 0;  ///< leading dimensions of a head that are rotated; 0: no rotary embedding
  bool pairs = false;    ///< rotates (0, 1), (2, 3) ...; else (0, dims/2), (1, dims/2 + 1) ...
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0;              ///< llama3 only
  double high_freq_factor = 4.0;             ///< llama3 only
  double original_n_ctx = 8192;              ///< positions before the extension: all but linear
  double beta_fast = 32.0, beta_slow = 1.0;  ///< yarn: rotations that bound the ramp
  bool truncate = true;                      ///< yarn: the ramp's ends are whole dimensions
  double attention_factor = 1.0;             ///< yarn, longrope: multiplies cos and sin
  /// One divisor a frequency (GGUF's `rope_freqs.weight`; longrope: of texts up to
  /// `original_n_ctx`); empty: none.
  std::vector<float> factors = {};
  std::vector<float> long_factors = {};  ///< longrope: of longer texts
  bool operator==(const RopeConfig&) const = default;

  /// Whether the frequencies change with the length of the text, so that a text that grows must be
  /// computed anew when `changes_between(before, after)`.
  bool changes_between(std::size_t before, std::size_t after) const noexcept;
};

/// A mixture of experts in place of the MLP (Mixtral, Qwen-MoE).
struct MoeConfig {
  std::size_t n_experts = 0;  ///< 0: none
  std::size_t experts_per_token = 0;
  std::size_t d_expert = 0;
  std::size_t d_shared_expert = 0;       ///< 0: no expert that every token uses
  bool normalize_weights = false;        ///< the chosen experts' weights sum to 1
  std::vector<bool> sparse_layers = {};  ///< one a layer; the others have an ordinary MLP
  bool operator==(const MoeConfig&) const = default;
};

struct ModelConfig {
  std::string model_type;  ///< "llama", "gpt2" ...: the family row that applies
  /// The family is not known: the axes were read from the config and the tensors' names.
  bool is_auto = false;
  int n_layers = 0;
  std::size_t d_model = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0, d_vocab = 0,
              n_ctx = 0;
  Norm norm = Norm::kRms;
  bool norm_bias = false;  ///< a LayerNorm with a bias
  double norm_eps = 1e-6;
  bool norm_adds_one = false;    ///< RMSNorm multiplies by 1 + weight (Gemma's files)
  bool has_pre_norms = true;     ///< norms before attention and MLP (not OLMo 2)
  bool has_post_norms = false;   ///< norms after attention and MLP, before the residual add
  bool has_shared_norm = false;  ///< attention and MLP read one norm (GPT-J, Cohere)
  bool is_parallel = false;      ///< attention and MLP read the same residual stream
  QkNorm qk_norm = QkNorm::kNone;
  Act act = Act::kSilu;
  bool is_gated = true;
  bool qkv_bias = false, o_bias = false, mlp_bias = false, unembed_bias = false;
  bool tied_embeddings = false;
  bool has_learned_positions = false;
  double embed_scale = 1.0;
  double attn_scale = 1.0;           ///< multiplies q·k
  bool attn_scale_by_layer = false;  ///< ... and divided by 1 + layer (a GPT-2 option)
  double residual_scale = 1.0;       ///< multiplies what attention and MLP add (Granite)
  double logit_scale = 1.0;          ///< multiplies the logits (Cohere, Granite)
  double attn_softcap = 0.0;         ///< 0: none
  double final_softcap = 0.0;        ///< 0: none
  RopeConfig rope;                   ///< of global layers
  RopeConfig rope_local;             ///< of layers with a window (differs from `rope` in gemma3)
  std::vector<std::size_t>
      windows;  ///< one a layer: keys that a query sees, itself included; 0 = all
  MoeConfig moe;
  std::vector<std::int32_t> eos_ids;
  std::optional<std::int32_t> bos_id;

  bool operator==(const ModelConfig&) const = default;
  HookDims hook_dims() const;
};

}  // namespace cutaway
