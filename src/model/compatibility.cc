// What keeps a checkpoint of an unknown family from being run, with the nearest names found.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "model/auto_config.h"

namespace cutaway {
namespace {

/// Up to `count` tensors whose names hold one of the words: "; the file has 'a', 'b'".
std::string found_like(const TensorShapes& tensors, std::size_t count,
                       std::initializer_list<std::string_view> words) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& [name, shape] : tensors) {
    const bool hit = std::ranges::any_of(
        words, [&](std::string_view w) { return name.find(w) != std::string::npos; });
    if (!hit || shown == count) continue;
    out += fmt::format("{}'{}'", shown++ == 0 ? " (the file has " : ", ", name);
  }
  return out.empty() ? "" : out + ")";
}

std::string naming_hint(const TensorShapes& tensors) {
  constexpr std::pair<std::string_view, std::string_view> kSchemes[] = {
      {"transformer.h.", "GPT-2, GPT-J, BLOOM or Falcon"},
      {"h.", "GPT-2 or BLOOM"},
      {"transformer.blocks.", "MPT"},
      {"gpt_neox.layers.", "GPT-NeoX or Pythia"},
      {"transformer.layer.", "DistilBERT or BLOOM"},
      {"transformer.layers.", "ChatGLM"},
      {"backbone.layers.", "Mamba"},
      {"rwkv.blocks.", "RWKV"},
      {"encoder.layer.", "BERT, an encoder"},
      {"encoder.block.", "T5, an encoder-decoder"}};
  for (const auto& [prefix, who] : kSchemes) {
    const auto starts = [&](const auto& t) { return t.first.starts_with(prefix); };
    if (std::ranges::any_of(tensors, starts))
      return fmt::format("names that begin with '{}' are those of {}", prefix, who);
  }
  const auto llama = [](const auto& t) { return t.first.starts_with("model.layers."); };
  if (std::ranges::any_of(tensors, llama)) return "";
  return "no tensor begins with 'model.layers.'" + found_like(tensors, 5, {""});
}

bool has(const io::Json& config, std::string_view key) {
  const io::Json* value = config.find(key);
  return value != nullptr && !value->is_null();
}

void check_sizes(const io::Json& config, std::vector<std::string>& issues) {
  constexpr std::pair<std::string_view, std::string_view> kSizes[] = {
      {"hidden_size", "n_embd"},
      {"num_hidden_layers", "n_layer"},
      {"num_attention_heads", "n_head"},
      {"intermediate_size", "ffn_dim"},
      {"vocab_size", "vocab_size"}};
  for (const auto& [key, other] : kSizes) {
    if (has(config, key) || has(config, other)) continue;
    // GPT-2 computes the width of its MLP.
    if (key == "intermediate_size" && has(config, "n_embd")) continue;
    issues.push_back(fmt::format("config.json has no '{}'", key));
  }
}

/// Names of layer 0 that a Llama-like model must have.
void check_llama_names(const io::Json& config, const TensorShapes& tensors,
                       std::vector<std::string>& issues) {
  const auto exists = [&](std::string_view rest) {
    return tensors.contains(fmt::format("model.{}", rest)) || tensors.contains(rest);
  };
  const auto in_layer = [&](std::string_view part) {
    return exists(fmt::format("layers.0.{}.weight", part));
  };
  if (!exists("embed_tokens.weight"))
    issues.push_back("no embedding 'model.embed_tokens.weight'" +
                     found_like(tensors, 3, {"embed", "wte", "word_embeddings"}));
  const bool before = in_layer("input_layernorm"), after = in_layer("post_attention_layernorm");
  if (!before && !(after && in_layer("post_feedforward_layernorm")))
    issues.push_back("no norm 'model.layers.0.input_layernorm.weight'" +
                     found_like(tensors, 4, {"norm"}));
  const bool shared = before && !after && !in_layer("pre_feedforward_layernorm");
  if (shared && !has(config, "logit_scale"))
    issues.push_back(
        "one norm a layer, as in Cohere's models, but no 'logit_scale' in config.json confirms "
        "that "
        "pairs of dimensions rotate as they do there" +
        found_like(tensors, 4, {"norm"}));
  if (!exists("norm.weight"))
    issues.push_back("no final norm 'model.norm.weight'" +
                     found_like(tensors, 2,
                                {"ln_f.weight", "final_layer_norm.weight", "final_layernorm.weight",
                                 "ln_out.weight", "norm_f.weight"}));
  if (!in_layer("self_attn.q_proj") && !in_layer("self_attn.qkv_proj"))
    issues.push_back("no 'model.layers.0.self_attn.q_proj.weight' or 'qkv_proj'" +
                     found_like(tensors, 4, {"attn", "attention"}));
  const bool gated = in_layer("mlp.gate_proj") && in_layer("mlp.up_proj");
  const bool mlp = (in_layer("mlp.down_proj") && (gated || in_layer("mlp.gate_up_proj"))) ||
                   (in_layer("mlp.c_fc") && in_layer("mlp.c_proj"));
  const bool experts = in_layer("block_sparse_moe.gate") || in_layer("mlp.gate");
  if (!mlp && !experts)
    issues.push_back(
        "no MLP 'model.layers.0.mlp.gate_proj.weight' with up_proj and down_proj, "
        "gate_up_proj, or c_fc and c_proj" +
        found_like(tensors, 4, {"mlp", "ffn", "fc", "dense"}));
  const io::Json* tied = config.find("tie_word_embeddings");
  if (tied != nullptr && tied->is_bool() && !tied->as_bool() && !tensors.contains("lm_head.weight"))
    issues.push_back("'tie_word_embeddings' is false, but there is no 'lm_head.weight'");
}

/// A gated MLP with GELU and RMSNorm is Gemma's, whose norms multiply by 1 + weight; nothing but
/// the family's name tells.
void check_gemma(const io::Json& config, const TensorShapes& tensors,
                 std::vector<std::string>& issues) {
  const auto text = [&](std::string_view key) {
    const io::Json* value = config.find(key);
    return value != nullptr && value->is_string() ? value->as_string() : std::string();
  };
  const std::string act =
      has(config, "hidden_activation") ? text("hidden_activation") : text("hidden_act");
  if (!act.starts_with("gelu") || has(config, "query_pre_attn_scalar")) return;
  if (text("model_type").find("gemma") != std::string::npos || !has(config, "rms_norm_eps")) return;
  const auto gate = [](const auto& t) { return t.first.find("gate_proj") != std::string::npos; };
  if (std::ranges::any_of(tensors, gate))
    issues.push_back(fmt::format(
        "RMSNorm and a gated MLP with '{}' look like Gemma, but the model type does not say "
        "'gemma', and nothing else tells whether norms multiply by the weight or by 1 + weight",
        act));
}

}  // namespace

const Family* family_with_own_names(const TensorShapes& tensors) {
  for (std::string_view type : {"gpt2", "gpt_neox", "gptj", "opt"}) {
    const Family* family = find_family(type);
    const TensorNames& n = family->names;
    std::string_view prefix = n.prefix;
    const std::string_view in = n.qkv.empty() ? n.q : n.qkv;
    for (;;) {
      const auto exists = [&](std::string_view part) {
        return tensors.contains(fmt::format("{}{}0.{}.weight", prefix, n.block, part));
      };
      if (exists(in) && exists(n.o) && exists(n.down) &&
          tensors.contains(fmt::format("{}{}.weight", prefix, n.embed)))
        return family;
      const auto dot = prefix.find('.');
      if (dot == std::string_view::npos) break;
      prefix = prefix.substr(dot + 1);
    }
  }
  return nullptr;
}

std::vector<std::string> compatibility_issues(const io::Json& config, const TensorShapes& tensors) {
  std::vector<std::string> issues;
  check_sizes(config, issues);
  if (family_with_own_names(tensors) != nullptr) return issues;
  const std::size_t before = issues.size();
  check_llama_names(config, tensors, issues);
  if (issues.size() > before) {
    if (std::string hint = naming_hint(tensors); !hint.empty()) issues.push_back(std::move(hint));
  }
  check_gemma(config, tensors, issues);
  return issues;
}

}  // namespace cutaway
