#include "model/config_hf.h"

#include <cmath>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_parts.h"
#include "model/config_reader.h"

namespace cutaway {
namespace {

// Keys of config.json that change no number of a forward pass.
constexpr std::string_view kHarmless[] = {"architectures",
                                          "model_type",
                                          "_name_or_path",
                                          "_commit_hash",
                                          "name_or_path",
                                          "transformers_version",
                                          "torch_dtype",
                                          "dtype",
                                          "use_cache",
                                          "initializer_range",
                                          "pad_token_id",
                                          "attention_dropout",
                                          "attn_implementation",
                                          "_attn_implementation",
                                          "_attn_implementation_autoset",
                                          "output_attentions",
                                          "output_hidden_states",
                                          "return_dict",
                                          "id2label",
                                          "label2id",
                                          "num_labels",
                                          "problem_type",
                                          "task_specific_params",
                                          "chunk_size_feed_forward",
                                          "auto_map",
                                          "cache_implementation",
                                          "pretraining_tp",
                                          "transformers.js_config",
                                          "unsloth_version",
                                          "unsloth_fixed",
                                          "is_llama_config",
                                          "hidden_dropout",
                                          "hidden_dropout_prob",
                                          "model_max_length",
                                          "dropout",
                                          "activation_dropout",
                                          "classifier_dropout",
                                          "embedding_dropout",
                                          "residual_dropout",
                                          "resid_pdrop",
                                          "embd_pdrop",
                                          "attn_pdrop",
                                          "layerdrop",
                                          "init_std",
                                          "tokenizer_class",
                                          "attention_probs_dropout_prob",
                                          "is_decoder",
                                          "gradient_checkpointing",
                                          "max_length",
                                          "sep_token_id"};

void require_false(ConfigReader& reader, std::string_view key) {
  if (reader.find_bool(key).value_or(false)) unsupported(reader, key, "true", "false");
}

Act parse_act(ConfigReader& reader, const Family& family) {
  // Gemma's files carry both; the newer key wins, as in transformers.
  const std::string_view key =
      reader.has("hidden_activation") ? "hidden_activation" : family.keys.act;
  const std::string act = reader.find_string(key).value_or(std::string(family.act));
  reader.ignore(family.keys.act);
  if (act == "silu" || act == "swish") return Act::kSilu;
  // Gemma 1 files say "gelu" where they mean the tanh form (transformers' own note on GemmaConfig).
  if (act == "gelu") return family.norm_adds_one ? Act::kGeluTanh : Act::kGelu;
  if (act == "gelu_pytorch_tanh" || act == "gelu_new" || act == "gelu_fast") return Act::kGeluTanh;
  if (act == "relu") return Act::kRelu;
  unsupported(reader, key, "'" + act + "'",
              "silu, gelu, gelu_pytorch_tanh, gelu_new, gelu_fast and relu");
}

/// A size under the family's key, or under the name that transformers gives it everywhere.
std::size_t size_of(ConfigReader& reader, std::string_view key, std::string_view common) {
  return reader.size(!reader.has(key) && reader.has(common) ? common : key);
}

bool flag(ConfigReader& reader, std::string_view key, bool otherwise) {
  return key.empty() ? otherwise : reader.find_bool(key).value_or(otherwise);
}

/// A flag that other families read: here it may only say what is so anyway.
void check_flag(ConfigReader& reader, std::string_view key, bool state, const Family& family) {
  const bool found = reader.find_bool(key).value_or(state);
  if (found != state) {
    unsupported(reader, key, found ? "true" : "false",
                fmt::format("{} in family {}", state, family.model_type));
  }
}

double factor(ConfigReader& reader, std::string_view key, double otherwise) {
  return key.empty() ? otherwise : reader.positive_or(key, otherwise);
}

void parse_sizes(ConfigReader& reader, const Family& family, ModelConfig& c) {
  const ConfigKeys& keys = family.keys;
  constexpr ConfigKeys kCommon;
  c.n_layers = static_cast<int>(size_of(reader, keys.n_layers, kCommon.n_layers));
  if (c.n_layers > 100000)
    throw FormatError(reader.origin(), fmt::format("{} is {}, expected at most 100000",
                                                   reader.field(keys.n_layers), c.n_layers));
  c.d_model = size_of(reader, keys.d_model, kCommon.d_model);
  c.n_heads = size_of(reader, keys.n_heads, kCommon.n_heads);
  c.n_kv_heads = keys.n_kv_heads.empty() ? c.n_heads : reader.size_or(keys.n_kv_heads, c.n_heads);
  const std::size_t d_head = family.d_head > 0 ? family.d_head : c.d_model / c.n_heads;
  c.d_head = keys.d_head.empty() ? d_head : reader.size_or(keys.d_head, d_head);
  if (family.mlp_factor > 0) {
    c.d_mlp = reader.size_or(keys.d_mlp, family.mlp_factor * c.d_model);
  } else {
    c.d_mlp = reader.size(keys.d_mlp);
  }
  c.d_vocab = reader.size("vocab_size");
  c.n_ctx = reader.has(keys.n_ctx) ? reader.size(keys.n_ctx)
                                   : reader.size_or(kCommon.n_ctx, family.n_ctx);
  if (reader.size_or("word_embed_proj_dim", c.d_model) != c.d_model)
    unsupported(reader, "word_embed_proj_dim", "another size than d_model",
                "embeddings of d_model");
}

void parse_moe(ConfigReader& reader, const Family& family, ModelConfig& c) {
  const ConfigKeys& keys = family.keys;
  if (keys.n_experts.empty()) return;
  MoeConfig& moe = c.moe;
  moe.n_experts = reader.size(keys.n_experts);
  moe.experts_per_token = reader.size("num_experts_per_tok");
  if (moe.n_experts > 65536 || moe.experts_per_token > moe.n_experts) {
    throw FormatError(
        reader.origin(),
        fmt::format("{} is {} of {} experts, expected at most all of up to 65536",
                    reader.field("num_experts_per_tok"), moe.experts_per_token, moe.n_experts));
  }
  moe.d_expert = reader.size(keys.d_expert);
  if (!keys.d_shared_expert.empty()) moe.d_shared_expert = reader.size(keys.d_shared_expert);
  moe.normalize_weights = family.normalize_experts;
  moe.sparse_layers.assign(static_cast<std::size_t>(c.n_layers), true);
  if (!family.expert_keys) return;
  moe.normalize_weights = reader.find_bool("norm_topk_prob").value_or(family.normalize_experts);
  const std::size_t step = reader.size_or("decoder_sparse_step", 1);
  for (std::size_t i = 0; i < moe.sparse_layers.size(); ++i)
    moe.sparse_layers[i] = (i + 1) % step == 0;
  if (const io::Json* dense = reader.find("mlp_only_layers")) {
    for (const io::Json& layer : dense->items()) {
      const std::int64_t i = layer.as_int();
      if (i < 0 || i >= c.n_layers) {
        throw FormatError(reader.origin(),
                          fmt::format("{} names layer {}, expected 0 to {}",
                                      reader.field("mlp_only_layers"), i, c.n_layers - 1));
      }
      moe.sparse_layers[static_cast<std::size_t>(i)] = false;
    }
  }
}

/// What follows from which tensors the family has.
void parse_axes(ConfigReader& reader, const Family& family, ModelConfig& c) {
  const ConfigKeys& keys = family.keys;
  c.norm = family.norm;
  c.norm_bias = family.norm_bias;
  c.norm_eps = factor(reader, keys.norm_eps, family.norm_eps);
  c.norm_adds_one = family.norm_adds_one;
  c.has_pre_norms = !family.names.ln1.empty();
  c.has_post_norms = !family.names.ln1_post.empty();
  c.has_shared_norm = family.has_shared_norm();
  c.is_parallel = flag(reader, keys.parallel, family.is_parallel);
  c.qk_norm = flag(reader, keys.qk_norm, keys.qk_norm.empty()) ? family.qk_norm : QkNorm::kNone;
  c.act = parse_act(reader, family);
  c.is_gated = family.is_gated();
  c.qkv_bias = flag(reader, keys.qkv_bias, family.qkv_bias);
  c.o_bias = flag(reader, keys.o_bias, family.o_bias);
  c.mlp_bias = flag(reader, keys.mlp_bias, family.mlp_bias);
  if (keys.qkv_bias != "attention_bias")
    check_flag(reader, "attention_bias", family.qkv_bias, family);
  if (keys.mlp_bias != "mlp_bias") check_flag(reader, "mlp_bias", family.mlp_bias, family);
  c.unembed_bias = family.unembed_bias;
  c.tied_embeddings = reader.find_bool("tie_word_embeddings").value_or(family.tied_embeddings);
  c.has_learned_positions = !family.names.positions.empty();
}

void parse_scales(ConfigReader& reader, const Family& family, ModelConfig& c) {
  const ConfigKeys& keys = family.keys;
  if (family.scale_embed) c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  c.embed_scale = factor(reader, keys.embed_scale, c.embed_scale);
  double scalar = static_cast<double>(c.d_head);
  if (family.query_pre_attn_scalar) scalar = reader.positive_or("query_pre_attn_scalar", 256.0);
  c.attn_scale =
      keys.attn_scale.empty() ? 1.0 / std::sqrt(scalar) : reader.positive_or(keys.attn_scale, 1.0);
  if (!flag(reader, keys.attn_scaled, true)) c.attn_scale = 1.0;
  c.attn_scale_by_layer = flag(reader, keys.attn_scale_by_layer, false);
  c.residual_scale = factor(reader, keys.residual_scale, 1.0);
  c.logit_scale = factor(reader, keys.logit_scale, family.logit_scale) /
                  factor(reader, keys.logit_divisor, 1.0);
  if (family.soft_caps) {
    c.attn_softcap = reader.positive_or("attn_logit_softcapping", 0.0);
    c.final_softcap = reader.positive_or("final_logit_softcapping", 0.0);
  }
}

void parse_token_ids(ConfigReader& reader, ModelConfig& config) {
  if (const io::Json* eos = reader.find("eos_token_id")) {
    if (eos->is_array()) {
      for (const io::Json& id : eos->items())
        config.eos_ids.push_back(static_cast<std::int32_t>(id.as_int()));
    } else {
      config.eos_ids.push_back(static_cast<std::int32_t>(eos->as_int()));
    }
  }
  if (const auto bos = reader.find_int("bos_token_id"))
    config.bos_id = static_cast<std::int32_t>(*bos);
}

}  // namespace

std::string model_type_of(const io::Json& json) {
  ConfigReader reader(json);
  const auto type = reader.find_string("model_type");
  if (!type)
    throw FormatError(reader.origin(), fmt::format("{} is missing", reader.field("model_type")));
  return *type;
}

void unsupported(const ConfigReader& reader, std::string_view key, std::string_view found,
                 std::string_view expected) {
  throw UnsupportedError(reader.origin(), fmt::format("{} is {}, this version handles {}",
                                                      reader.field(key), found, expected));
}

ModelConfig config_from_json(const io::Json& json, const Family& family,
                             std::span<const std::string> ignore_keys) {
  ConfigReader reader(json);
  if (reader.has("quantization_config")) {
    unsupported(reader, "quantization_config", "set",
                "safetensors in f32, f16, bf16 or f64 (and GGUF's blocks)");
  }
  ModelConfig c;
  c.model_type = family.model_type;
  parse_sizes(reader, family, c);
  parse_axes(reader, family, c);
  parse_scales(reader, family, c);
  parse_moe(reader, family, c);
  require_false(reader, "use_bidirectional_attention");
  require_false(reader, "rope_interleaved");
  parse_ropes(reader, family, c);
  parse_windows(reader, family, c);
  parse_token_ids(reader, c);

  for (const Family::Required& required : family.required)
    check_flag(reader, required.key, required.value, family);
  reader.ignore(kHarmless);
  reader.ignore(family.harmless);
  for (const std::string& key : ignore_keys) reader.ignore(key);
  reader.check_all_understood("; if you know that they do not, name them in `ignore_config`");
  check_config(c, reader.origin());
  return c;
}

void check_config(const ModelConfig& c, const std::string& origin) {
  if (c.n_heads % c.n_kv_heads != 0) {
    throw FormatError(
        origin, fmt::format("{} query heads and {} key/value heads, expected a multiple", c.n_heads,
                            c.n_kv_heads));
  }
  if (c.d_head == 0) throw FormatError(origin, "head size 0, expected at least 1");
  if (c.rope.dims % 2 != 0 || c.rope.dims > c.d_head) {
    throw FormatError(origin, fmt::format("{} rotated dimensions in heads of {}, expected an even "
                                          "number of at most the head's size",
                                          c.rope.dims, c.d_head));
  }
  if (c.n_heads * c.d_head > 0x7FFFFFFF)
    throw FormatError(origin, fmt::format("{} heads of size {} are too wide", c.n_heads, c.d_head));
}

HookDims ModelConfig::hook_dims() const {
  return {.n_layers = n_layers,
          .d_model = d_model,
          .n_heads = n_heads,
          .n_kv_heads = n_kv_heads,
          .d_head = d_head,
          .d_mlp = d_mlp,
          .d_vocab = d_vocab,
          .has_learned_positions = has_learned_positions,
          .has_rotary = rope.dims > 0,
          .has_pre_norms = has_pre_norms,
          .has_shared_norm = has_shared_norm,
          .is_parallel = is_parallel,
          .has_post_norms = has_post_norms,
          .has_qk_norm = qk_norm != QkNorm::kNone,
          .qk_norm_is_per_head = qk_norm != QkNorm::kAllHeads,
          .is_gated = is_gated,
          .n_experts = moe.n_experts,
          .experts_per_token = moe.experts_per_token,
          .d_expert = moe.d_expert,
          .d_shared_expert = moe.d_shared_expert,
          .sparse_layers = moe.sparse_layers};
}

}  // namespace cutaway
