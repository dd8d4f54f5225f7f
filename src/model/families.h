// The families as data: one row each, defaults are Llama's. The forward pass branches on an axis,
// never on a name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <cutaway/config.h>

namespace cutaway {

/// Which layers see only a window of keys.
enum class WindowRule : std::uint8_t {
  kNone,
  kEvenLayers,     ///< gemma2: layers 0, 2, 4 ...
  kPattern,        ///< gemma3: all but every `sliding_window_pattern`-th
  kFromMaxLayers,  ///< qwen2: if `use_sliding_window`, from layer `max_window_layers` on
};

struct Family {
  std::string_view model_type;  ///< config.json
  std::string_view gguf_arch;   ///< general.architecture
  double norm_eps = 1e-6;       ///< defaults of absent keys
  double rope_theta = 10000.0;
  std::size_t n_ctx = 4096;
  bool tied_embeddings = false;
  std::string_view act = "silu";
  bool norm_adds_one = false;
  bool scale_embed = false;
  bool post_norms = false;
  bool qk_norm = false;
  bool soft_caps = false;              ///< reads attn_logit_softcapping and final_logit_softcapping
  bool query_pre_attn_scalar = false;  ///< attention scale from this key instead of d_head
  bool qkv_bias = false;               ///< always there
  bool bias_keys = false;              ///< reads attention_bias and mlp_bias
  bool local_rope = false;             ///< layers with a window have a rope of their own
  WindowRule windows = WindowRule::kNone;
  bool gguf_interleaved_rope =
      false;  ///< GGUF files hold q and k rows permuted for pair-wise rotation
};

std::span<const Family> families() noexcept;
/// nullptr if there is no such row.
const Family* find_family(std::string_view model_type) noexcept;
const Family* find_gguf_family(std::string_view arch) noexcept;
/// "llama, qwen2, ...": for messages.
std::string supported_families();

}  // namespace cutaway
