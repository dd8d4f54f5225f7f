#include "model/config_gguf.h"

#include <cmath>
#include <set>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_hf.h"
#include "model/families.h"

namespace cutaway {
namespace {

/// Keys under "ARCH.", with the same bookkeeping as ConfigReader.
class ArchReader {
 public:
  ArchReader(const io::GgufFile& file, std::string_view arch)
      : file_(file), prefix_(std::string(arch) + ".") {}

  std::string full(std::string_view key) { return prefix_ + std::string(key); }
  std::size_t size(std::string_view key) {
    const auto value = find(key);
    if (!value) throw FormatError(origin(), fmt::format("metadata '{}' is missing", full(key)));
    return *value;
  }
  std::size_t size_or(std::string_view key, std::size_t otherwise) {
    return find(key).value_or(otherwise);
  }
  std::optional<double> find_double(std::string_view key) {
    read_.insert(full(key));
    const auto value = file_.find_double(full(key));
    if (value && (!std::isfinite(*value) || *value < 0.0)) {
      throw FormatError(
          origin(),
          fmt::format("metadata '{}' is {}, expected a number of at least 0", full(key), *value));
    }
    return value;
  }
  /// A multiplier or divisor; absent if the file does not state it.
  std::optional<double> find_factor(std::string_view key) {
    const auto value = find_double(key);
    if (value && *value == 0.0) {
      throw FormatError(origin(),
                        fmt::format("metadata '{}' is 0, expected a number above 0", full(key)));
    }
    return value;
  }
  std::optional<bool> find_bool(std::string_view key) {
    read_.insert(full(key));
    return file_.find_bool(full(key));
  }
  std::optional<std::string> find_string(std::string_view key) {
    read_.insert(full(key));
    const std::string* value = file_.find_string(full(key));
    return value == nullptr ? std::nullopt : std::optional(*value);
  }
  void ignore(std::string_view key) { read_.insert(full(key)); }

  void check_all_understood(std::span<const std::string> ignore_keys) {
    for (const std::string& key : ignore_keys) read_.insert(key);
    std::string unknown;
    for (const auto& [key, value] : file_.metadata()) {
      if (key.starts_with(prefix_) && !read_.contains(key))
        unknown += (unknown.empty() ? "'" : ", '") + key + "'";
    }
    if (!unknown.empty()) {
      throw UnsupportedError(origin(),
                             fmt::format("metadata {} not understood, and may change the numbers; "
                                         "if you know that it does not, name it in `ignore_config`",
                                         unknown));
    }
  }
  std::string origin() const { return file_.path().string(); }

 private:
  std::optional<std::size_t> find(std::string_view key) {
    read_.insert(full(key));
    const auto value = file_.find_int(full(key));
    if (!value) return std::nullopt;
    if (*value < 0 || *value > 0x7FFFFFFF) {
      throw FormatError(origin(), fmt::format("metadata '{}' is {}, expected 0 to 2147483647",
                                              full(key), *value));
    }
    return static_cast<std::size_t>(*value);
  }
  const io::GgufFile& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> read_;
};

/// GGUF does not state the activation; the family's is the trained one.
Act act_of(const Family& family) {
  return family.act == "silu" ? Act::kSilu : family.act == "gelu" ? Act::kGelu : Act::kGeluTanh;
}

bool has_tensor(const io::GgufFile& file, std::string_view name) {
  for (const io::StoredTensor& t : file.tensors()) {
    if (t.name == name) return true;
  }
  return false;
}

void parse_rope(ArchReader& reader, const io::GgufFile& file, const Family& family,
                ModelConfig& c) {
  if (!family.has_rotary) return;
  c.rope.dims = c.rope_local.dims = c.d_head;
  c.rope.pairs = c.rope_local.pairs = family.rotary_pairs;
  c.rope.theta = reader.find_double("rope.freq_base").value_or(family.rope_theta);
  c.rope_local.theta =
      family.local_rope ? reader.find_double("rope.freq_base_swa").value_or(10000.0) : c.rope.theta;
  const std::string type = reader.find_string("rope.scaling.type").value_or("none");
  const double factor = reader.find_double("rope.scaling.factor").value_or(1.0);
  if (type == "linear" && factor > 0.0) {
    c.rope.scaling = RopeScaling::kLinear;
    c.rope.factor = factor;
  } else if (type != "none") {
    throw UnsupportedError(reader.origin(),
                           fmt::format("metadata '{}' is '{}', this version handles none and "
                                       "linear (and llama3 by rope_freqs.weight)",
                                       reader.full("rope.scaling.type"), type));
  }
  reader.ignore("rope.scaling.original_context_length");
  reader.ignore("rope.scaling.finetuned");
  const std::size_t rotated = reader.size_or("rope.dimension_count", c.d_head);
  const bool may_be_part = !family.keys.rotary_share.empty();
  if (may_be_part && rotated > 0 && rotated <= c.d_head) {
    c.rope.dims = rotated;
  } else if (rotated != c.d_head) {
    throw UnsupportedError(reader.origin(),
                           fmt::format("metadata '{}' is {}, this version rotates whole heads ({})",
                                       reader.full("rope.dimension_count"), rotated, c.d_head));
  }
  for (const io::StoredTensor& t : file.tensors()) {
    if (t.name != "rope_freqs.weight") continue;
    if (t.dtype != DType::kF32 || t.count() != c.rope.dims / 2) {
      throw FormatError(
          reader.origin(),
          fmt::format("tensor 'rope_freqs.weight' has {} values of {}, expected {} of f32",
                      t.count(), dtype_info(t.dtype).name, c.rope.dims / 2));
    }
    c.rope.factors.resize(t.count());
    io::to_f32(t, c.rope.factors);
    for (float f : c.rope.factors) {
      if (!(f > 0.0F) || !std::isfinite(f))
        throw FormatError(
            reader.origin(),
            fmt::format("tensor 'rope_freqs.weight' holds {}, expected numbers above 0", f));
    }
  }
  if (!family.local_rope) c.rope_local = c.rope;
}

void parse_windows(ArchReader& reader, const Family& family, ModelConfig& c) {
  c.windows.assign(static_cast<std::size_t>(c.n_layers), 0);
  const bool slides =
      family.windows == WindowRule::kEvenLayers || family.windows == WindowRule::kPattern;
  const std::size_t window = reader.size_or("attention.sliding_window",
                                            family.windows == WindowRule::kEvenLayers ? 4096 : 0);
  if (window == 0) return;
  if (!slides) {
    throw UnsupportedError(
        reader.origin(),
        fmt::format("metadata '{}' is {}, but family {} has no windows in GGUF",
                    reader.full("attention.sliding_window"), window, family.model_type));
  }
  const std::size_t pattern = reader.size_or("attention.sliding_window_pattern",
                                             family.windows == WindowRule::kEvenLayers ? 2 : 6);
  for (std::size_t i = 0; i < c.windows.size(); ++i)
    c.windows[i] = pattern == 0 || (i + 1) % pattern != 0 ? window : 0;
}

void parse_axes(ArchReader& reader, const io::GgufFile& file, const Family& family,
                ModelConfig& c) {
  const std::string_view eps = family.norm == Norm::kLayer ? "attention.layer_norm_epsilon"
                                                           : "attention.layer_norm_rms_epsilon";
  c.norm = family.norm;
  c.norm_bias = family.norm_bias;
  c.norm_eps = reader.find_double(eps).value_or(family.norm_eps);
  c.norm_adds_one = false;  // the converter has added it
  c.has_pre_norms = !family.names.ln1.empty();
  c.has_post_norms = !family.names.ln1_post.empty();
  c.has_shared_norm = family.has_shared_norm();
  c.is_parallel = family.is_parallel;
  if (!family.keys.parallel.empty())
    c.is_parallel = reader.find_bool("use_parallel_residual").value_or(family.is_parallel);
  const bool may_lack_qk_norm = !family.keys.qk_norm.empty();
  if (!may_lack_qk_norm || has_tensor(file, "blk.0.attn_q_norm.weight")) c.qk_norm = family.qk_norm;
  c.act = act_of(family);
  c.is_gated = family.is_gated();
  c.has_learned_positions = !family.names.positions.empty();
  c.tied_embeddings = !has_tensor(file, "output.weight");
  c.qkv_bias = has_tensor(
      file, family.qkv == QkvLayout::kSeparate ? "blk.0.attn_q.bias" : "blk.0.attn_qkv.bias");
  c.o_bias = has_tensor(file, "blk.0.attn_output.bias");
  c.mlp_bias = has_tensor(file, "blk.0.ffn_down.bias");
}

/// Granite's and Cohere's factors.
void parse_scales(ArchReader& reader, const Family& family, ModelConfig& c) {
  const ConfigKeys& keys = family.keys;
  if (!keys.embed_scale.empty())
    c.embed_scale = reader.find_factor("embedding_scale").value_or(1.0);
  if (!keys.residual_scale.empty())
    c.residual_scale = reader.find_factor("residual_scale").value_or(1.0);
  if (!keys.logit_divisor.empty())
    c.logit_scale = 1.0 / reader.find_factor("logit_scale").value_or(1.0);
  if (!keys.logit_scale.empty())
    c.logit_scale = reader.find_factor("logit_scale").value_or(family.logit_scale);
}

}  // namespace

ModelConfig config_from_gguf(const io::GgufFile& file, std::span<const std::string> ignore_keys) {
  const std::string origin = file.path().string();
  const std::string* arch = file.find_string("general.architecture");
  if (arch == nullptr) throw FormatError(origin, "metadata 'general.architecture' is missing");
  const Family* family = find_gguf_family(*arch);
  if (family == nullptr) {
    throw UnsupportedError(
        origin, fmt::format("metadata 'general.architecture' is '{}', this version handles {}",
                            *arch, supported_families()));
  }
  ArchReader reader(file, *arch);
  ModelConfig c;
  c.model_type = family->model_type;
  c.n_layers = static_cast<int>(reader.size("block_count"));
  c.d_model = reader.size("embedding_length");
  c.n_heads = reader.size("attention.head_count");
  c.d_mlp = reader.size("feed_forward_length");
  if (c.n_layers == 0 || c.n_layers > 100000 || c.d_model == 0 || c.n_heads == 0 || c.d_mlp == 0) {
    throw FormatError(
        origin, fmt::format("{} layers, width {}, {} heads, MLP width {}: expected sizes above 0",
                            c.n_layers, c.d_model, c.n_heads, c.d_mlp));
  }
  c.n_kv_heads = reader.size_or("attention.head_count_kv", c.n_heads);
  if (c.n_kv_heads == 0) throw FormatError(origin, "0 key/value heads, expected at least 1");
  c.d_head = reader.size_or("attention.key_length", c.d_model / c.n_heads);
  if (const std::size_t v = reader.size_or("attention.value_length", c.d_head); v != c.d_head) {
    throw UnsupportedError(
        origin,
        fmt::format("values of size {} and keys of size {}, this version handles equal ones", v,
                    c.d_head));
  }
  // Old files state the vocabulary only by its embedding.
  for (const io::StoredTensor& t : file.tensors()) {
    if (t.name == "token_embd.weight" && t.shape.size() == 2) c.d_vocab = t.shape[0];
  }
  if (c.d_vocab == 0)
    throw FormatError(origin, "tensor 'token_embd.weight' [d_vocab, d_model] is missing");
  if (const std::size_t v = reader.size_or("vocab_size", c.d_vocab); v != c.d_vocab) {
    throw FormatError(origin,
                      fmt::format("metadata '{}' is {}, tensor 'token_embd.weight' has {} rows",
                                  reader.full("vocab_size"), v, c.d_vocab));
  }
  c.n_ctx = reader.size_or("context_length", family->n_ctx);
  parse_axes(reader, file, *family, c);
  if (family->scale_embed) c.embed_scale = std::sqrt(static_cast<double>(c.d_model));
  parse_scales(reader, *family, c);
  if (family->soft_caps) {
    c.attn_softcap = reader.find_double("attn_logit_softcapping").value_or(0.0);
    c.final_softcap = reader.find_double("final_logit_softcapping").value_or(0.0);
  }
  // GGUF does not state Gemma's query_pre_attn_scalar. All published sizes use the head size, but
  // the 27B ones use d_model / n_heads.
  const bool gemma_27b = family->query_pre_attn_scalar &&
                         (c.model_type == "gemma2" ? c.n_layers == 46 : c.n_layers == 62);
  const double scalar = static_cast<double>(gemma_27b ? c.d_model / c.n_heads : c.d_head);
  c.attn_scale = reader.find_double("attention.scale").value_or(1.0 / std::sqrt(scalar));
  if (reader.size_or("expert_count", 0) != 0)
    throw UnsupportedError(origin, "a mixture of experts");
  reader.ignore("expert_used_count");
  parse_rope(reader, file, *family, c);
  parse_windows(reader, *family, c);

  if (const auto eos = file.find_int("tokenizer.ggml.eos_token_id"))
    c.eos_ids.push_back(static_cast<std::int32_t>(*eos));
  if (const auto eot = file.find_int("tokenizer.ggml.eot_token_id"))
    c.eos_ids.push_back(static_cast<std::int32_t>(*eot));
  if (const auto bos = file.find_int("tokenizer.ggml.bos_token_id"))
    c.bos_id = static_cast<std::int32_t>(*bos);
  reader.check_all_understood(ignore_keys);
  check_config(c, origin);
  return c;
}

}  // namespace cutaway
