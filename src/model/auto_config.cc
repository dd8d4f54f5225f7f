// Four tiers, after candle-mi: which naming scheme; scalars of the config; tensors of layer 0; what
// the model type's name still has to say (Gemma's norms leave no other trace).
#include "model/auto_config.h"

#include <algorithm>
#include <optional>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_reader.h"

namespace cutaway {
namespace {

class Evidence {
 public:
  Evidence(const io::Json& config, const TensorShapes& tensors)
      : config_(config), tensors_(tensors), type_(text("model_type")) {}

  bool says(std::string_view key) const {
    const io::Json* value = config_.find(key);
    return value != nullptr && !value->is_null();
  }
  bool is_true(std::string_view key) const {
    const io::Json* value = config_.find(key);
    return value != nullptr && value->is_bool() && value->as_bool();
  }
  std::string text(std::string_view key) const {
    const io::Json* value = config_.find(key);
    return value != nullptr && value->is_string() ? value->as_string() : "";
  }
  bool type_has(std::string_view part) const { return type_.find(part) != std::string::npos; }

  /// The tensor of this name, with as much of the prefix as the file's names have.
  const std::vector<std::size_t>* find(std::string_view prefix, std::string_view rest) const {
    for (;;) {
      const auto it = tensors_.find(fmt::format("{}{}", prefix, rest));
      if (it != tensors_.end()) return &it->second;
      if (prefix.empty()) return nullptr;
      const auto dot = prefix.find('.');
      prefix = dot == std::string_view::npos ? "" : prefix.substr(dot + 1);
    }
  }
  /// In some layer (a layer may be dense and another sparse).
  const std::vector<std::size_t>* in_blocks(const TensorNames& names, std::string_view part,
                                            std::string_view kind = "weight") const {
    constexpr int kLayersLookedAt = 4;
    for (int layer = 0; layer < kLayersLookedAt; ++layer) {
      if (const auto* shape =
              find(names.prefix, fmt::format("{}{}.{}.{}", names.block, layer, part, kind)))
        return shape;
    }
    return nullptr;
  }

 private:
  const io::Json& config_;
  const TensorShapes& tensors_;
  std::string type_;
};

bool is_gemma(const Evidence& e, const TensorNames& names) {
  return e.type_has("gemma") ||
         (e.says("query_pre_attn_scalar") && e.in_blocks(names, "pre_feedforward_layernorm"));
}

TensorNames llama_like_names(const Evidence& e) {
  TensorNames names;
  if (e.in_blocks(names, "self_attn.qkv_proj")) names.qkv = "self_attn.qkv_proj";
  if (!e.in_blocks(names, names.ln1)) names.ln1 = "";
  const bool before_mlp = e.in_blocks(names, "pre_feedforward_layernorm") != nullptr;
  const bool after_mlp = e.in_blocks(names, "post_feedforward_layernorm") != nullptr;
  if (after_mlp) {
    names.ln1_post = "post_attention_layernorm";
    names.ln2 = before_mlp ? "pre_feedforward_layernorm" : "";
    names.ln2_post = "post_feedforward_layernorm";
  } else if (!e.in_blocks(names, names.ln2)) {
    names.ln2 = "";
  }
  if (e.in_blocks(names, "mlp.gate_up_proj")) {
    names.gate_up = "mlp.gate_up_proj";
    names.gate = "";
  } else if (!e.in_blocks(names, names.gate) && e.in_blocks(names, "mlp.c_fc")) {
    names.gate = "";
    names.up = "mlp.c_fc";
    names.down = "mlp.c_proj";
  }
  return names;
}

void read_experts(const Evidence& e, Family& f) {
  for (std::string_view type : {"mixtral", "qwen2_moe"}) {
    const Family& known = *find_family(type);
    if (!e.in_blocks(f.names, known.names.router)) continue;
    f.names.router = known.names.router;
    f.names.expert = known.names.expert;
    f.names.expert_gate = known.names.expert_gate;
    f.names.expert_up = known.names.expert_up;
    f.names.expert_down = known.names.expert_down;
    f.keys.n_experts = e.says("num_local_experts") ? "num_local_experts" : "num_experts";
    f.keys.d_expert = e.says("moe_intermediate_size") ? "moe_intermediate_size" : f.keys.d_mlp;
    f.normalize_experts = known.normalize_experts;
    f.expert_keys = known.expert_keys;
    f.harmless = known.harmless;
    if (e.in_blocks(f.names, fmt::format("{}.gate_proj", known.names.shared_expert))) {
      f.names.shared_expert = known.names.shared_expert;
      f.names.shared_gate = known.names.shared_gate;
      f.keys.d_shared_expert = known.keys.d_shared_expert;
    }
  }
}

void read_windows(const Evidence& e, Family& f) {
  if (is_gemma(e, f.names)) {
    if (f.names.ln1_post.empty()) return;  // Gemma 1 has none
    f.window = 4096;
    f.windows = f.qk_norm != QkNorm::kNone ? WindowRule::kPattern : WindowRule::kEvenLayers;
  } else if (e.says("use_sliding_window") || e.says("max_window_layers")) {
    f.windows = f.names.router.empty() ? WindowRule::kFromMaxLayers : WindowRule::kEvenBelowMax;
  } else if (e.says("sliding_window") || e.says("layer_types")) {
    f.windows = WindowRule::kAllLayers;
  }
}

/// Every key that scales something and is there.
void read_scales(const Evidence& e, Family& f) {
  constexpr std::pair<std::string_view, std::string_view ConfigKeys::*> kScales[] = {
      {"embedding_multiplier", &ConfigKeys::embed_scale},
      {"attention_multiplier", &ConfigKeys::attn_scale},
      {"residual_multiplier", &ConfigKeys::residual_scale},
      {"logits_scaling", &ConfigKeys::logit_divisor},
      {"logit_scale", &ConfigKeys::logit_scale}};
  for (const auto& [key, field] : kScales) {
    if (e.says(key)) f.keys.*field = key;
  }
  f.soft_caps = e.says("attn_logit_softcapping") || e.says("final_logit_softcapping");
  f.query_pre_attn_scalar = e.says("query_pre_attn_scalar");
}

void read_norms(const Evidence& e, Family& f) {
  for (std::string_view key :
       {"rms_norm_eps", "norm_epsilon", "layer_norm_eps", "layer_norm_epsilon"}) {
    if (e.says(key)) f.keys.norm_eps = key;
  }
  f.norm_eps = 1e-5;
  const std::string_view some = f.names.ln1.empty() ? f.names.ln1_post : f.names.ln1;
  f.norm_bias = e.in_blocks(f.names, some, "bias") != nullptr;
  const bool rms = f.keys.norm_eps == "rms_norm_eps" && !f.norm_bias;
  f.norm = rms ? Norm::kRms : Norm::kLayer;
  if (const auto* shape = e.in_blocks(f.names, f.names.q_norm)) {
    const auto* q = e.in_blocks(f.names, f.names.q);
    const bool full = q != nullptr && shape->size() == 1 && shape->front() == q->front();
    f.qk_norm = shape->size() == 2 ? QkNorm::kHeadLayer : full ? QkNorm::kAllHeads : QkNorm::kHead;
  }
  if (e.says("use_qk_norm")) f.keys.qk_norm = "use_qk_norm";
}

/// Biases are where the file has them; a key may say so too, and must agree.
void read_biases(const Evidence& e, Family& f) {
  const TensorNames& n = f.names;
  const std::string_view in = n.qkv.empty() ? n.q : n.qkv;
  f.qkv_bias = e.in_blocks(n, in, "bias") != nullptr;
  f.o_bias = e.in_blocks(n, n.o, "bias") != nullptr;
  f.mlp_bias = e.in_blocks(n, n.down, "bias") != nullptr;
  f.unembed_bias = e.find("", fmt::format("{}.bias", n.head)) != nullptr;
  f.keys.qkv_bias = f.keys.o_bias = f.keys.mlp_bias = "";
  for (std::string_view key : {"attention_bias", "use_bias", "enable_bias", "qkv_bias"}) {
    if (!e.says(key)) continue;
    f.keys.qkv_bias = key;
    if (key != "qkv_bias") f.keys.o_bias = key;
    if (key == "use_bias" || key == "enable_bias") f.keys.mlp_bias = key;
  }
  if (e.says("mlp_bias")) f.keys.mlp_bias = "mlp_bias";
}

Family llama_like(const Evidence& e) {
  Family f = *find_family("llama");
  f.names = llama_like_names(e);
  f.n_ctx = 4096;
  f.qkv = f.names.qkv.empty() ? QkvLayout::kSeparate : QkvLayout::kFused;
  read_norms(e, f);
  read_biases(e, f);
  if (f.names.up == "mlp.c_fc") f.harmless = find_family("starcoder2")->harmless;
  read_experts(e, f);
  read_scales(e, f);
  f.is_parallel = f.has_shared_norm();
  f.rotary_pairs = f.has_shared_norm();  // compatibility_issues has asked for Cohere's mark
  if (is_gemma(e, f.names)) {
    f.norm_adds_one = f.scale_embed = f.tied_embeddings = true;
    f.act = "gelu_pytorch_tanh";
    f.query_pre_attn_scalar = !f.names.ln1_post.empty();
    f.local_rope = f.query_pre_attn_scalar && f.qk_norm != QkNorm::kNone;
    if (e.says("head_dim") == false) f.d_head = 256;
  }
  if (!e.says("tie_word_embeddings"))
    f.tied_embeddings = e.find("", fmt::format("{}.weight", f.names.head)) == nullptr;
  read_windows(e, f);
  if (e.says("partial_rotary_factor") || e.says("original_max_position_embeddings"))
    f.keys.rotary_share = "partial_rotary_factor";
  return f;
}

}  // namespace

TensorShapes shapes_of(const std::vector<io::StoredTensor>& tensors) {
  TensorShapes out;
  for (const io::StoredTensor& t : tensors) out.emplace(t.name, t.shape);
  return out;
}

Family auto_family(const io::Json& config, const TensorShapes& tensors) {
  const std::vector<std::string> issues = compatibility_issues(config, tensors);
  if (!issues.empty()) {
    throw UnsupportedError(
        config.origin(),
        fmt::format("family '{}' is not known, and what the files say does not make one: {}; known "
                    "families are {}",
                    config.find("model_type") != nullptr && config.at("model_type").is_string()
                        ? config.at("model_type").as_string()
                        : "",
                    fmt::join(issues, "; "), supported_families()));
  }
  const Evidence e(config, tensors);
  if (const Family* family = family_with_own_names(tensors)) return *family;
  return llama_like(e);
}

}  // namespace cutaway
