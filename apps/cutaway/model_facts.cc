#include "model_facts.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace cutaway::cli {
namespace {

std::string rope_text(const RopeConfig& rope, std::size_t d_head) {
  if (rope.dims == 0) return "none";
  std::string text = fmt::format("theta {}", rope.theta);
  if (rope.dims != d_head) text += fmt::format(", {} of {} dimensions", rope.dims, d_head);
  if (rope.pairs) text += ", in pairs";
  switch (rope.scaling) {
    case RopeScaling::kNone:
      break;
    case RopeScaling::kLinear:
      text += fmt::format(", linear, factor {}", rope.factor);
      break;
    case RopeScaling::kLlama3:
      text += fmt::format(", llama3, factor {}, frequencies {} to {}, trained on {} positions",
                          rope.factor, rope.low_freq_factor, rope.high_freq_factor,
                          rope.original_n_ctx);
      break;
    case RopeScaling::kDynamic:
    case RopeScaling::kYarn:
    case RopeScaling::kLongRope:
      text += fmt::format(", {}, factor {}, trained on {} positions",
                          rope_scaling_name(rope.scaling), rope.factor, rope.original_n_ctx);
      break;
  }
  if (rope.attention_factor != 1.0)
    text += fmt::format(", attention factor {:.6g}", rope.attention_factor);
  if (!rope.factors.empty()) text += fmt::format(", {} frequency divisors", rope.factors.size());
  return text;
}

// "512 in layers 0 2 4 (others: all)".
std::string window_text(const ModelConfig& config) {
  std::size_t width = 0, count = 0;
  std::string layers;
  for (std::size_t layer = 0; layer < config.windows.size(); ++layer) {
    if (config.windows[layer] == 0) continue;
    width = config.windows[layer];
    ++count;
    layers += fmt::format(" {}", layer);
  }
  if (count == 0) return "none";
  if (count == config.windows.size()) return fmt::format("{} in every layer", width);
  return fmt::format("{} in layers{}", width, layers);
}

std::int64_t integer(std::size_t n) { return static_cast<std::int64_t>(n); }

}  // namespace

std::vector<std::pair<std::string, FactValue>> config_facts(const ModelConfig& config) {
  std::vector<std::pair<std::string, FactValue>> facts = {
      {"model_type", config.model_type},
      {"n_layers", std::int64_t{config.n_layers}},
      {"d_model", integer(config.d_model)},
      {"n_heads", integer(config.n_heads)},
      {"n_kv_heads", integer(config.n_kv_heads)},
      {"d_head", integer(config.d_head)},
      {"d_mlp", integer(config.d_mlp)},
      {"d_vocab", integer(config.d_vocab)},
      {"n_ctx", integer(config.n_ctx)},
      {"norm", std::string(norm_name(config.norm))},
      {"norm_eps", config.norm_eps},
      {"norm_bias", config.norm_bias},
      {"norm_adds_one", config.norm_adds_one},
      {"has_pre_norms", config.has_pre_norms},
      {"has_post_norms", config.has_post_norms},
      {"has_shared_norm", config.has_shared_norm},
      {"is_parallel", config.is_parallel},
      {"has_qk_norm", config.qk_norm != QkNorm::kNone},
      {"qk_norm", std::string(qk_norm_name(config.qk_norm))},
      {"act", std::string(act_name(config.act))},
      {"is_gated", config.is_gated},
      {"qkv_bias", config.qkv_bias},
      {"o_bias", config.o_bias},
      {"mlp_bias", config.mlp_bias},
      {"unembed_bias", config.unembed_bias},
      {"tied_embeddings", config.tied_embeddings},
      {"has_learned_positions", config.has_learned_positions},
      {"embed_scale", config.embed_scale},
      {"attn_scale", config.attn_scale},
      {"attn_scale_by_layer", config.attn_scale_by_layer},
      {"residual_scale", config.residual_scale},
      {"logit_scale", config.logit_scale},
      {"attn_softcap", config.attn_softcap},
      {"final_softcap", config.final_softcap},
      {"rope", rope_text(config.rope, config.d_head)},
      {"window", window_text(config)},
  };
  if (config.moe.n_experts > 0) {
    const MoeConfig& moe = config.moe;
    facts.emplace_back("n_experts", integer(moe.n_experts));
    facts.emplace_back("experts_per_token", integer(moe.experts_per_token));
    facts.emplace_back("d_expert", integer(moe.d_expert));
    facts.emplace_back("d_shared_expert", integer(moe.d_shared_expert));
    facts.emplace_back("sparse_layers", std::int64_t{std::count(moe.sparse_layers.begin(),
                                                                moe.sparse_layers.end(), true)});
  }
  if (config.rope_local != config.rope) {
    facts.emplace_back("rope_local", rope_text(config.rope_local, config.d_head));
  }
  return facts;
}

std::vector<DTypeUse> dtype_use(const Model& model) {
  std::vector<DTypeUse> uses;
  for (const WeightInfo& weight : model.weights()) {
    std::size_t count = 1;
    for (std::size_t extent : weight.shape) count *= extent;
    auto use = std::find_if(uses.begin(), uses.end(),
                            [&](const DTypeUse& u) { return u.dtype == weight.dtype; });
    if (use == uses.end()) use = uses.insert(uses.end(), DTypeUse{weight.dtype});
    ++use->tensors;
    use->parameters += count;
    use->bytes += dtype_bytes(weight.dtype, count);
  }
  std::stable_sort(uses.begin(), uses.end(),
                   [](const DTypeUse& a, const DTypeUse& b) { return a.bytes > b.bytes; });
  return uses;
}

MemoryNeed memory_need(const Model& model) {
  const ModelConfig& config = model.config();
  MemoryNeed need;
  need.weights = model.mapped_bytes();
  need.kv_cache_per_token = 2 * static_cast<std::uint64_t>(config.n_layers) * config.n_kv_heads *
                            config.d_head * sizeof(float);
  need.kv_cache_full_context = need.kv_cache_per_token * config.n_ctx;
  need.logits_per_token = config.d_vocab * sizeof(float);
  return need;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_count(std::uint64_t count) {
  const std::string digits = fmt::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace cutaway::cli
