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

/// One of q, k and v as the file holds it: which stored row is row r of head h.
struct HeadRows {
  const LinearWeights& from;
  std::size_t heads, d_head;
  std::size_t head_stride, first;  ///< row(h, 0) = h · head_stride + first
  bool pairs;                      ///< the rows of a head are (0, h), (1, h+1) ... pairs

  std::size_t operator()(std::size_t head, std::size_t i) const {
    const std::size_t half = d_head / 2;
    const std::size_t row = !pairs ? i : i < half ? 2 * i : 2 * (i - half) + 1;
    return head * head_stride + first + row;
  }
};

enum class Part : std::uint8_t { kQ, kK, kV };

HeadRows head_rows(const Model::Impl& m, const Block& b, Part part) {
  const ModelConfig& c = m.config;
  const std::size_t d = c.d_head, heads = part == Part::kQ ? c.n_heads : c.n_kv_heads;
  if (b.qkv_by_head.weight.rows > 0)
    return {b.qkv_by_head, heads, d, 3 * d, static_cast<std::size_t>(part) * d, false};
  const LinearWeights& from = part == Part::kQ ? b.q : part == Part::kK ? b.k : b.v;
  return {from, heads, d, d, 0, m.weights.interleaved_qk && part != Part::kV};
}

/// W [head · d_head, d_model] → [head, d_model, d_head].
Tensor by_input_head(const HeadRows& rows) {
  const WeightView w = rows.from.weight;
  Tensor out = Tensor::uninitialized({rows.heads, w.cols, rows.d_head});
  std::vector<float> row(w.cols);
  for (std::size_t h = 0; h < rows.heads; ++h) {
    for (std::size_t i = 0; i < rows.d_head; ++i) {
      kernels::dequantize_row(w, rows(h, i), row);
      float* to = out.data() + h * w.cols * rows.d_head + i;
      for (std::size_t k = 0; k < w.cols; ++k) to[k * rows.d_head] = row[k];
    }
  }
  return out;
}

std::optional<Tensor> bias_by_head(const HeadRows& rows) {
  if (rows.from.bias.empty()) return std::nullopt;
  Tensor out = Tensor::uninitialized({rows.heads, rows.d_head});
  for (std::size_t h = 0; h < rows.heads; ++h) {
    for (std::size_t i = 0; i < rows.d_head; ++i)
      out.data()[h * rows.d_head + i] = rows.from.bias[rows(h, i)];
  }
  return out;
}

/// [out, in] → [in, out].
Tensor transposed(WeightView w) {
  Tensor out = Tensor::uninitialized({w.cols, w.rows});
  std::vector<float> row(w.cols);
  for (std::size_t r = 0; r < w.rows; ++r) {
    kernels::dequantize_row(w, r, row);
    for (std::size_t i = 0; i < w.cols; ++i) out.data()[i * w.rows + r] = row[i];
  }
  return out;
}

std::optional<Tensor> block_weight(const Model::Impl& m, std::string_view name, const Block& b) {
  const ModelConfig& c = m.config;
  if (name == "W_Q") return by_input_head(head_rows(m, b, Part::kQ));
  if (name == "W_K") return by_input_head(head_rows(m, b, Part::kK));
  if (name == "W_V") return by_input_head(head_rows(m, b, Part::kV));
  if (name == "b_Q") return bias_by_head(head_rows(m, b, Part::kQ));
  if (name == "b_K") return bias_by_head(head_rows(m, b, Part::kK));
  if (name == "b_V") return bias_by_head(head_rows(m, b, Part::kV));
  if (name == "W_O") {
    Tensor out = transposed(b.o.weight);  // [head · d_head, d_model]
    out.reshape({c.n_heads, c.d_head, c.d_model});
    return out;
  }
  const std::pair<std::string_view, WeightView> matrices[] = {{"W_gate", b.mlp.gate.weight},
                                                              {"W_in", b.mlp.up.weight},
                                                              {"W_out", b.mlp.down.weight},
                                                              {"W_router", b.router}};
  for (const auto& [known, matrix] : matrices) {
    if (name == known && matrix.rows > 0) return transposed(matrix);
  }
  const std::pair<std::string_view, const std::vector<float>*> vectors[] = {
      {"b_O", &b.o.bias},
      {"b_gate", &b.mlp.gate.bias},
      {"b_in", &b.mlp.up.bias},
      {"b_out", &b.mlp.down.bias},
      {"ln1.w", &b.ln1.gain},
      {"ln1.b", &b.ln1.bias},
      {"ln1_post.w", &b.ln1_post.gain},
      {"ln2.w", &b.ln2.gain},
      {"ln2.b", &b.ln2.bias},
      {"ln2_post.w", &b.ln2_post.gain},
      {"attn.q_norm.w", &b.q_norm.gain},
      {"attn.k_norm.w", &b.k_norm.gain}};
  for (const auto& [known, values] : vectors) {
    if (name == known && !values->empty()) return from_vector(*values);
  }
  return std::nullopt;
}

constexpr std::string_view kBlockNames[] = {
    "W_Q",   "W_K",        "W_V",           "W_O",           "W_gate",     "W_in",
    "W_out", "b_Q",        "b_K",           "b_V",           "b_O",        "b_gate",
    "b_in",  "b_out",      "ln1.w",         "ln1.b",         "ln1_post.w", "ln2.w",
    "ln2.b", "ln2_post.w", "attn.q_norm.w", "attn.k_norm.w", "W_router"};

/// Weights outside blocks, by TransformerLens's names.
std::optional<Tensor> outer_weight(const Model::Impl& m, std::string_view name) {
  const Weights& w = m.weights;
  if (name == "W_E") return widen(w.embed);
  if (name == "W_U") return transposed(w.unembed.weight);
  if (name == "W_pos" && w.positions.rows > 0) return widen(w.positions);
  if (name == "b_U" && !w.unembed.bias.empty()) return from_vector(w.unembed.bias);
  if (name == "ln_final.w") return from_vector(w.ln_final.gain);
  if (name == "ln_final.b" && !w.ln_final.bias.empty()) return from_vector(w.ln_final.bias);
  return std::nullopt;
}
constexpr std::string_view kOuterNames[] = {"W_E", "W_U",        "W_pos",
                                            "b_U", "ln_final.w", "ln_final.b"};

[[noreturn]] void throw_unknown(const Model::Impl& m, std::string_view name) {
  std::vector<std::string> names(std::begin(kOuterNames), std::end(kOuterNames));
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
  const auto it = m.weights.tensors.find(std::string(name));
  std::optional<Tensor> outer = outer_weight(m, name);
  if (!outer && it == m.weights.tensors.end()) throw_unknown(m, name);
  if (layer != -1)
    throw ArgumentError(
        name, fmt::format("layer {} given, but the weight stands outside the blocks", layer));
  if (outer) return *std::move(outer);
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
