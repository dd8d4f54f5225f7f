// Weights as f32 arrays, under TransformerLens's names or the checkpoint's.
#include <algorithm>
#include <optional>

#include <cutaway/error.h>
#include <cutaway/model.h>
#include <fmt/format.h>

#include "base/names.h"
#include "kernels/dequant.h"
#include "model/model_impl.h"

namespace cutaway {
namespace {

Tensor widen(WeightView w) {
  Tensor out = Tensor::uninitialized({w.rows, w.cols});
  for (std::size_t r = 0; r < w.rows; ++r) kernels::dequantize_row(w, r, out.view<2>().row(r));
  return out;
}

Tensor from_vector(const std::vector<float>& v) { return {{v.size()}, v}; }

/// Row of Hugging Face's order → row of the file, for q and k rows stored as pairs.
std::size_t stored_row(std::size_t row, std::size_t d_head, bool interleaved) {
  if (!interleaved) return row;
  const std::size_t head = row / d_head, i = row % d_head, half = d_head / 2;
  return head * d_head + (i < half ? 2 * i : 2 * (i - half) + 1);
}

/// W [head · d_head, d_model] → [head, d_model, d_head].
Tensor by_input_head(WeightView w, std::size_t heads, bool interleaved) {
  const std::size_t d_head = w.rows / heads;
  Tensor out = Tensor::uninitialized({heads, w.cols, d_head});
  std::vector<float> row(w.cols);
  for (std::size_t r = 0; r < w.rows; ++r) {
    kernels::dequantize_row(w, stored_row(r, d_head, interleaved), row);
    float* to = out.data() + r / d_head * w.cols * d_head + r % d_head;
    for (std::size_t i = 0; i < w.cols; ++i) to[i * d_head] = row[i];
  }
  return out;
}

Tensor transposed(WeightView w) {
  Tensor out = Tensor::uninitialized({w.cols, w.rows});
  std::vector<float> row(w.cols);
  for (std::size_t r = 0; r < w.rows; ++r) {
    kernels::dequantize_row(w, r, row);
    for (std::size_t i = 0; i < w.cols; ++i) out.data()[i * w.rows + r] = row[i];
  }
  return out;
}

Tensor bias_by_head(const std::vector<float>& bias, std::size_t heads, bool interleaved) {
  const std::size_t d_head = bias.size() / heads;
  Tensor out = Tensor::uninitialized({heads, d_head});
  for (std::size_t r = 0; r < bias.size(); ++r)
    out.data()[r] = bias[stored_row(r, d_head, interleaved)];
  return out;
}

std::optional<Tensor> block_weight(const Model::Impl& m, std::string_view name, const Block& b) {
  const ModelConfig& c = m.config;
  const bool pairs = m.weights.interleaved_qk;
  if (name == "W_Q") return by_input_head(b.q.weight, c.n_heads, pairs);
  if (name == "W_K") return by_input_head(b.k.weight, c.n_kv_heads, pairs);
  if (name == "W_V") return by_input_head(b.v.weight, c.n_kv_heads, false);
  if (name == "W_O") {
    Tensor out = transposed(b.o.weight);  // [head · d_head, d_model]
    out.reshape({c.n_heads, c.d_head, c.d_model});
    return out;
  }
  if (name == "W_gate") return transposed(b.gate.weight);
  if (name == "W_in") return transposed(b.up.weight);
  if (name == "W_out") return transposed(b.down.weight);
  if (name == "b_Q" && !b.q.bias.empty()) return bias_by_head(b.q.bias, c.n_heads, pairs);
  if (name == "b_K" && !b.k.bias.empty()) return bias_by_head(b.k.bias, c.n_kv_heads, pairs);
  if (name == "b_V" && !b.v.bias.empty()) return bias_by_head(b.v.bias, c.n_kv_heads, false);
  const std::pair<std::string_view, const std::vector<float>*> vectors[] = {
      {"b_O", &b.o.bias},          {"b_gate", &b.gate.bias},    {"b_in", &b.up.bias},
      {"b_out", &b.down.bias},     {"ln1.w", &b.ln1},           {"ln1_post.w", &b.ln1_post},
      {"ln2.w", &b.ln2},           {"ln2_post.w", &b.ln2_post}, {"attn.q_norm.w", &b.q_norm},
      {"attn.k_norm.w", &b.k_norm}};
  for (const auto& [known, values] : vectors) {
    if (name == known && !values->empty()) return from_vector(*values);
  }
  return std::nullopt;
}

constexpr std::string_view kBlockNames[] = {
    "W_Q",   "W_K",        "W_V",   "W_O",        "W_gate",        "W_in",         "W_out",
    "b_Q",   "b_K",        "b_V",   "b_O",        "b_gate",        "b_in",         "b_out",
    "ln1.w", "ln1_post.w", "ln2.w", "ln2_post.w", "attn.q_norm.w", "attn.k_norm.w"};

[[noreturn]] void throw_unknown(const Model::Impl& m, std::string_view name) {
  std::vector<std::string> names{"W_E", "W_U", "ln_final.w"};
  names.insert(names.end(), std::begin(kBlockNames), std::end(kBlockNames));
  for (const auto& [known, tensor] : m.weights.tensors) names.push_back(known);
  std::vector<std::string> near = nearest_names(name, names);
  const std::string text = fmt::format("this model has no such weight{}", did_you_mean(near));
  throw UnknownNameError(name, text, std::move(near));
}

}  // namespace

Tensor Model::weight(std::string_view name, int layer) const {
  const Impl& m = *impl_;
  const bool in_block = std::ranges::find(kBlockNames, name) != std::end(kBlockNames);
  if (in_block) {
    if (layer < 0 || layer >= m.config.n_layers) {
      throw ArgumentError(name,
                          fmt::format("layer {}, expected 0 to {}", layer, m.config.n_layers - 1));
    }
    if (auto found = block_weight(m, name, m.weights.blocks[static_cast<std::size_t>(layer)]))
      return *std::move(found);
    throw_unknown(m, name);
  }
  const bool outside = name == "W_E" || name == "W_U" || name == "ln_final.w";
  const auto it = m.weights.tensors.find(std::string(name));
  if (!outside && it == m.weights.tensors.end()) throw_unknown(m, name);
  if (layer != -1)
    throw ArgumentError(
        name, fmt::format("layer {} given, but the weight stands outside the blocks", layer));
  if (name == "W_E") return widen(m.weights.embed);
  if (name == "W_U") return transposed(m.weights.unembed);
  if (name == "ln_final.w") return from_vector(m.weights.ln_final);
  const io::StoredTensor& t = it->second;
  Tensor out = Tensor::uninitialized(t.shape);
  if (dtype_info(t.dtype).block_size > 1) {
    kernels::dequantize(t.dtype, t.bytes.data(), out.values());
  } else {
    io::to_f32(t, out.values());
  }
  return out;
}

std::vector<WeightInfo> Model::weights() const {
  std::vector<WeightInfo> out;
  for (const auto& [name, t] : impl_->weights.tensors)
    out.push_back({.name = name, .stored_name = t.name, .dtype = t.dtype, .shape = t.shape});
  return out;
}

std::uint64_t Model::parameter_count() const noexcept {
  std::uint64_t n = 0;
  for (const auto& [name, t] : impl_->weights.tensors) n += t.count();
  return n;
}

std::uint64_t Model::mapped_bytes() const noexcept {
  std::uint64_t n = 0;
  for (const auto& [name, t] : impl_->weights.tensors) n += t.bytes.size();
  return n;
}

}  // namespace cutaway
