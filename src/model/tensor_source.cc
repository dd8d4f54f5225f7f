#include "model/tensor_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <cutaway/error.h>
#include <cutaway/tensor.h>
#include <fmt/format.h>

namespace cutaway {
namespace {

struct Rename {
  std::string_view gguf;
  std::string_view hf;
};

constexpr Rename kGlobal[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};
constexpr Rename kBlock[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};
constexpr std::string_view kRopeFactors = "rope_freqs.weight";  // read by the config

std::optional<std::string> hf_name(std::string_view name, const Family& family) {
  for (const Rename& r : kGlobal) {
    if (name == r.gguf) return std::string(r.hf);
  }
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view rest = name.substr(kPrefix.size());
  const auto dot = rest.find('.'), last = rest.rfind('.');
  if (dot == std::string_view::npos || last <= dot) return std::nullopt;
  const std::string_view part = rest.substr(dot + 1, last - dot - 1), kind = rest.substr(last + 1);
  std::string_view hf;
  for (const Rename& r : kBlock) {
    if (part == r.gguf) hf = r.hf;
  }
  // The norm before the MLP bears the name that Hugging Face gives it in models without post-norms.
  if (part == "ffn_norm")
    hf = family.post_norms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  if (hf.empty()) return std::nullopt;
  return fmt::format("model.layers.{}.{}.{}", rest.substr(0, dot), hf, kind);
}

/// Buffers that old checkpoints saved although they are computed from the config.
bool is_known_buffer(std::string_view name) {
  return name.ends_with(".self_attn.rotary_emb.inv_freq");
}

}  // namespace

TensorSource TensorSource::from_safetensors(std::vector<io::StoredTensor> tensors,
                                            std::string origin) {
  TensorSource source;
  source.origin_ = std::move(origin);
  for (io::StoredTensor& t : tensors) {
    std::string name = t.name;
    if (is_known_buffer(name)) source.read_.insert(name);
    source.tensors_.emplace(std::move(name), std::move(t));
  }
  return source;
}

TensorSource TensorSource::from_gguf(const io::GgufFile& file, const Family& family) {
  TensorSource source;
  source.origin_ = file.path().string();
  for (const io::StoredTensor& t : file.tensors()) {
    if (t.name == kRopeFactors) continue;
    auto name = hf_name(t.name, family);
    if (!name) {
      throw UnsupportedError(source.origin_, fmt::format("tensor '{}' is not part of family {}",
                                                         t.name, family.model_type));
    }
    if (!source.tensors_.emplace(*name, t).second) {
      throw FormatError(source.origin_, fmt::format("two tensors mean '{}'", *name));
    }
  }
  return source;
}

const io::StoredTensor* TensorSource::find(const std::string& name) const noexcept {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

const io::StoredTensor& TensorSource::take(const std::string& name,
                                           std::span<const std::size_t> shape) {
  const io::StoredTensor* tensor = find(name);
  if (tensor == nullptr) throw FormatError(origin_, fmt::format("tensor '{}' is missing", name));
  if (!std::ranges::equal(tensor->shape, shape)) {
    throw FormatError(tensor->file->path().string(),
                      fmt::format("tensor '{}' has shape {}, the config implies {}", tensor->name,
                                  shape_string(tensor->shape), shape_string(shape)));
  }
  read_.insert(name);
  return *tensor;
}

void TensorSource::check_all_read() const {
  std::string unread;
  std::size_t count = 0;
  for (const auto& [name, tensor] : tensors_) {
    if (read_.contains(name)) continue;
    if (++count <= 3) unread += (unread.empty() ? "'" : ", '") + tensor.name + "'";
  }
  if (count > 3) unread += fmt::format(" and {} more", count - 3);
  if (count > 0)
    throw UnsupportedError(origin_,
                           fmt::format("tensors that no part of this model reads: {}", unread));
}

}  // namespace cutaway
