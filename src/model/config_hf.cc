#include "model/config_hf.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_reader.h"
#include "model/families.h"

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
                                          "attention_probs_dropout_prob",
                                          "is_decoder",
                                          "gradient_checkpointing",
                                          "max_length",
                                          "sep_token_id"};

[[noreturn]] void unsupported(const ConfigReader& reader, std::string_view key,
                              std::string_view found, std::string_view expected) {
  throw UnsupportedError(reader.origin(), fmt::format("{} is {}, this version handles {}",
                                                      reader.field(key), found, expected));
}

void require_false(ConfigReader& reader, std::string_view key) {
  if (reader.find_bool(key).value_or(false)) unsupported(reader, key, "true", "false");
}

Act parse_act(ConfigReader& reader, std::string_view default_act) {
  // Gemma's files carry both; the newer key wins, as in transformers.
  const std::string_view key = reader.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  const std::string act = reader.find_string(key).value_or(std::string(default_act));
  reader.ignore("hidden_act");
  if (act == "silu" || act == "swish") return Act::kSilu;
  if (act == "gelu") return Act::kGelu;
  if (act == "gelu_pytorch_tanh" || act == "gelu_new") return Act::kGeluTanh;
  unsupported(reader, key, "'" + act + "'", "silu, gelu, gelu_pytorch_tanh and gelu_new");
}

/// `rope_parameters` or `rope_scaling`: the type and its numbers.
RopeConfig parse_rope(const io::Json& json, double theta) {
  ConfigReader reader(json);
  RopeConfig rope;
  rope.theta = reader.positive_or("rope_theta", theta);
  std::string type = "default";
  for (std::string_view key : {"type", "rope_type"}) type = reader.find_string(key).value_or(type);
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    if (!reader.has("factor"))
      throw FormatError(reader.origin(), fmt::format("{} is missing", reader.field("factor")));
    rope.factor = reader.positive_or("factor", 1.0);
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    for (std::string_view key :
         {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}) {
      if (!reader.has(key))
        throw FormatError(reader.origin(), fmt::format("{} is missing", reader.field(key)));
    }
    rope.factor = reader.positive_or("factor", 1.0);
    rope.low_freq_factor = reader.positive_or("low_freq_factor", 1.0);
    rope.high_freq_factor = reader.positive_or("high_freq_factor", 4.0);
    rope.original_n_ctx = reader.positive_or("original_max_position_embeddings", 8192);
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      throw FormatError(reader.origin(),
                        fmt::format("{} is {}, expected more than low_freq_factor ({})",
                                    reader.field("high_freq_factor"), rope.high_freq_factor,
                                    rope.low_freq_factor));
    }
  } else if (type != "default") {
    unsupported(reader, "rope_type", "'" + type + "'", "default, linear and llama3");
  }
  if (reader.positive_or("partial_rotary_factor", 1.0) != 1.0) {
    unsupported(reader, "partial_rotary_factor", "not 1", "1");
  }
  reader.check_all_understood("");
  return rope;
}

void parse_ropes(ConfigReader& reader, const Family& family, ModelConfig& config) {
  const double theta = reader.positive_or("rope_theta", family.rope_theta);
  const io::Json* rope = reader.find("rope_parameters");
  const io::Json* scaling = reader.find("rope_scaling");
  // Files written across versions may hold both spellings of one thing; transformers reads the new
  // one.
  const io::Json* source = rope != nullptr ? rope : scaling;
  config.rope = {.theta = theta};
  config.rope_local = {
      .theta = reader.positive_or("rope_local_base_freq", family.local_rope ? 10000.0 : theta)};
  if (source != nullptr) {
    if (family.local_rope && source->find("full_attention") != nullptr) {
      ConfigReader parts(*source);
      if (const io::Json* part = parts.find("full_attention"))
        config.rope = parse_rope(*part, theta);
      if (const io::Json* part = parts.find("sliding_attention"))
        config.rope_local = parse_rope(*part, config.rope_local.theta);
      parts.check_all_understood("");
    } else {
      config.rope = parse_rope(*source, theta);
    }
  }
  if (!family.local_rope) config.rope_local = config.rope;
}

std::vector<bool> windowed_layers(ConfigReader& reader, const Family& family, int n_layers) {
  std::vector<bool> out(static_cast<std::size_t>(n_layers), false);
  const auto set = [&](auto rule) {
    for (int i = 0; i < n_layers; ++i) out[static_cast<std::size_t>(i)] = rule(i);
  };
  switch (family.windows) {
    case WindowRule::kNone:
      break;
    case WindowRule::kEvenLayers:
      set([](int i) { return i % 2 == 0; });
      break;
    case WindowRule::kPattern: {
      const std::string_view key = reader.has("sliding_window_pattern") ? "sliding_window_pattern"
                                                                        : "_sliding_window_pattern";
      const auto pattern = static_cast<std::int64_t>(reader.size_or(key, 6));
      reader.ignore("_sliding_window_pattern");
      set([&](int i) { return (i + 1) % pattern != 0; });
      break;
    }
    case WindowRule::kFromMaxLayers: {
      const bool used = reader.find_bool("use_sliding_window").value_or(false);
      const std::int64_t from = reader.find_int("max_window_layers").value_or(28);
      set([&](int i) { return used && i >= from; });
      break;
    }
  }
  const io::Json* types = reader.find("layer_types");
  if (types == nullptr) return out;
  const auto items = types->items();
  if (items.size() != out.size()) {
    throw FormatError(reader.origin(),
                      fmt::format("{} has {} entries, expected one a layer ({})",
                                  reader.field("layer_types"), items.size(), n_layers));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string& type = items[i].as_string();
    if (type != "full_attention" && type != "sliding_attention") {
      unsupported(reader, "layer_types", "'" + type + "' somewhere",
                  "full_attention and sliding_attention");
    }
    out[i] = type == "sliding_attention";
  }
  if (family.windows == WindowRule::kNone && std::ranges::count(out, true) > 0) {
    unsupported(reader, "layer_types", "sliding_attention",
                fmt::format("full_attention in family {}", family.model_type));
  }
  return out;
}

void parse_windows(ConfigReader& reader, const Family& family, ModelConfig& config) {
  const std::vector<bool> windowed = windowed_layers(reader, family, config.n_layers);
  config.windows.assign(windowed.size(), 0);
  const bool any = std::ranges::count(windowed, true) > 0;
  if (family.windows != WindowRule::kNone) {
    const std::size_t window = reader.has("sliding_window") ? reader.size("sliding_window") : 4096;
    for (std::size_t i = 0; i < windowed.size(); ++i) config.windows[i] = windowed[i] ? window : 0;
  }
  if (any && reader.find("sliding_window") == nullptr &&
      family.windows == WindowRule::kFromMaxLayers) {
    throw FormatError(reader.origin(), fmt::format("{} is missing although layers slide",
                                                   reader.field("sliding_window")));
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

const Family& family_of(ConfigReader& reader) {
  const auto type = reader.find_string("model_type");
  if (!type)
    throw FormatError(reader.origin(), fmt::format("{} is missing", reader.field("model_type")));
  if (const Family* family = find_family(*type)) return *family;
  throw UnsupportedError(reader.origin(),
                         fmt::format("{} is '{}', this version handles {}",
                                     reader.field("model_type"), *type, supported_families()));
}

}  // namespace

ModelConfig config_from_json(const io::Json& json, std::span<const std::string> ignore_keys) {
  ConfigReader reader(json);
  const Family& family = family_of(reader);
  if (reader.has("quantization_config")) {
    unsupported(reader, "quantization_config", "set",
                "safetensors in f32, f16, bf16 or f64 (and GGUF's blocks)");
  }
  ModelConfig c;
  c.model_type = family.model_type;
  c.n_layers = static_cast<int>(reader.size("num_hidden_layers"));
  if (c.n_layers > 100000)
    throw FormatError(reader.origin(), fmt::format("{} is {}, expected at most 100000",
                                                   reader.field("num_hidden_layers"), c.n_layers));
  c.d_model = reader.size("hidden_size");
  c.n_heads = reader.size("num_attention_heads");
  c.n_kv_heads = reader.size_or("num_key_value_heads", c.n_heads);
  c.d_head = reader.size_or("head_dim", family.query_pre_attn_scalar ? 256 : c.d_model / c.n_heads);
  c.d_mlp = reader.size("intermediate_size");
  c.d_vocab = reader.size("vocab_size");
  c.n_ctx = reader.size_or("max_position_embeddings", family.n_ctx);
  c.norm_eps = reader.positive_or("rms_norm_eps", family.norm_eps);
  c.act = parse_act(reader, family.act);
  c.norm_adds_one = family.norm_adds_one;
  c.has_post_norms = family.post_norms;
  c.has_qk_norm = family.qk_norm;
  c.tied_embeddings = reader.find_bool("tie_word_embeddings").value_or(family.tied_embeddings);
  if (family.scale_embed) c.embed_scale = std::sqrt(static_cast<double>(c.d_model));

  c.qkv_bias = family.qkv_bias;
  const bool attention_bias = reader.find_bool("attention_bias").value_or(family.qkv_bias);
  if (family.bias_keys) {
    c.qkv_bias = c.o_bias = attention_bias;
    c.mlp_bias = reader.find_bool("mlp_bias").value_or(false);
  } else if (attention_bias != family.qkv_bias) {
    unsupported(reader, "attention_bias", attention_bias ? "true" : "false",
                fmt::format("{} in family {}", family.qkv_bias, family.model_type));
  }

  double scalar = static_cast<double>(c.d_head);
  if (family.query_pre_attn_scalar) scalar = reader.positive_or("query_pre_attn_scalar", 256.0);
  c.attn_scale = 1.0 / std::sqrt(scalar);
  if (family.soft_caps) {
    c.attn_softcap = reader.positive_or("attn_logit_softcapping", 0.0);
    c.final_softcap = reader.positive_or("final_logit_softcapping", 0.0);
    require_false(reader, "use_bidirectional_attention");
  }
  require_false(reader, "rope_interleaved");
  parse_ropes(reader, family, c);
  parse_windows(reader, family, c);
  if (family.windows == WindowRule::kFromMaxLayers) reader.ignore("sliding_window");
  parse_token_ids(reader, c);

  reader.ignore(kHarmless);
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
  if (c.d_head == 0 || c.d_head % 2 != 0) {
    throw FormatError(origin,
                      fmt::format("head size {}, expected an even number above 0", c.d_head));
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
          .has_post_norms = has_post_norms,
          .has_qk_norm = has_qk_norm};
}

}  // namespace cutaway
