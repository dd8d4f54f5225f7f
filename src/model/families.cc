#include "model/families.h"

#include <algorithm>

namespace cutaway {
namespace {

constexpr Family kFamilies[] = {
    {.model_type = "llama",
     .gguf_arch = "llama",
     .n_ctx = 2048,
     .bias_keys = true,
     .gguf_interleaved_rope = true},
    {.model_type = "qwen2",
     .gguf_arch = "qwen2",
     .n_ctx = 32768,
     .qkv_bias = true,
     .windows = WindowRule::kFromMaxLayers},
    {.model_type = "gemma2",
     .gguf_arch = "gemma2",
     .n_ctx = 8192,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .norm_adds_one = true,
     .scale_embed = true,
     .post_norms = true,
     .soft_caps = true,
     .query_pre_attn_scalar = true,
     .windows = WindowRule::kEvenLayers},
    {.model_type = "gemma3_text",
     .gguf_arch = "gemma3",
     .rope_theta = 1e6,
     .n_ctx = 131072,
     .tied_embeddings = true,
     .act = "gelu_pytorch_tanh",
     .norm_adds_one = true,
     .scale_embed = true,
     .post_norms = true,
     .qk_norm = true,
     .soft_caps = true,
     .query_pre_attn_scalar = true,
     .local_rope = true,
     .windows = WindowRule::kPattern},
};

}  // namespace

std::span<const Family> families() noexcept { return kFamilies; }

const Family* find_family(std::string_view model_type) noexcept {
  const auto* it = std::ranges::find(kFamilies, model_type, &Family::model_type);
  return it == std::end(kFamilies) ? nullptr : it;
}

const Family* find_gguf_family(std::string_view arch) noexcept {
  const auto* it = std::ranges::find(kFamilies, arch, &Family::gguf_arch);
  return it == std::end(kFamilies) ? nullptr : it;
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
  }
  return "";
}

}  // namespace cutaway
