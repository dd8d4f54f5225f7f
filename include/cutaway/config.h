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

enum class Act : std::uint8_t { kSilu, kGelu, kGeluTanh };
enum class RopeScaling : std::uint8_t { kNone, kLinear, kLlama3 };

/// "silu", "gelu", "gelu_tanh"; "none", "linear", "llama3": the spelling in JSON, the CLI and
/// Python.
std::string_view act_name(Act act) noexcept;
std::string_view rope_scaling_name(RopeScaling scaling) noexcept;

/// Rotary embedding: `theta`, and how the frequencies are scaled (Hugging Face's
/// `rope_parameters`).
struct RopeConfig {
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0;   ///< llama3 only
  double high_freq_factor = 4.0;  ///< llama3 only
  double original_n_ctx = 8192;   ///< llama3 only
  /// One divisor a frequency (GGUF's `rope_freqs.weight`); empty: none.
  std::vector<float> factors = {};
  bool operator==(const RopeConfig&) const = default;
};

struct ModelConfig {
  std::string
      model_type;  ///< "llama", "qwen2", "gemma2", "gemma3_text": the family row that applies
  int n_layers = 0;
  std::size_t d_model = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0, d_vocab = 0,
              n_ctx = 0;
  double norm_eps = 1e-6;
  Act act = Act::kSilu;
  bool norm_adds_one = false;   ///< RMSNorm multiplies by 1 + weight (Gemma's files)
  bool has_post_norms = false;  ///< norms after attention and MLP, before the residual add
  bool has_qk_norm = false;     ///< RMSNorm of every head's q and k before the rotation
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool tied_embeddings = false;
  double embed_scale = 1.0;
  double attn_scale = 1.0;     ///< multiplies q·k
  double attn_softcap = 0.0;   ///< 0: none
  double final_softcap = 0.0;  ///< 0: none
  RopeConfig rope;             ///< of global layers
  RopeConfig rope_local;       ///< of layers with a window (differs from `rope` in gemma3)
  std::vector<std::size_t>
      windows;  ///< one a layer: keys that a query sees, itself included; 0 = all
  std::vector<std::int32_t> eos_ids;
  std::optional<std::int32_t> bos_id;

  HookDims hook_dims() const;
};

}  // namespace cutaway
