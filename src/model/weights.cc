#include "model/weights.h"

#include <cmath>
#include <cstring>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "kernels/dequant.h"
#include "kernels/elementwise.h"

namespace cutaway {
namespace {

bool is_weight_dtype(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         dtype >= DType::kQ4_0;
}

LinearWeights row_range(const LinearWeights& w, std::size_t first, std::size_t count) {
  LinearWeights out{.weight = w.weight.slice_rows(first, count), .bias = {}};
  if (!w.bias.empty()) {
    const auto begin = w.bias.begin() + static_cast<std::ptrdiff_t>(first);
    out.bias.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  return out;
}

class Loader {
 public:
  Loader(const ModelConfig& config, const TensorNames& names, TensorSource& source, Weights& out)
      : config_(config), names_(names), source_(source), out_(out) {}

  WeightView matrix(const std::string& name, std::size_t rows, std::size_t cols) {
    return view(source_.take(name + ".weight", std::vector<std::size_t>{rows, cols}));
  }
  /// A matrix of a block.
  LinearWeights linear(const std::string& name, std::size_t rows, std::size_t cols, bool has_bias,
                       bool transposed) {
    LinearWeights w;
    if (transposed) {
      w.weight = matrix(name, cols, rows);
      if (dtype_info(w.weight.dtype).block_size > 1)
        throw UnsupportedError(source_.origin(),
                               fmt::format("tensor '{}.weight' holds blocks, but "
                                           "this family's matrices are transposed",
                                           name));
      std::swap(w.weight.rows, w.weight.cols);
      w.weight.transposed = true;
    } else {
      w.weight = matrix(name, rows, cols);
    }
    if (has_bias) w.bias = vector(name + ".bias", {rows});
    return w;
  }

  NormWeights norm(const std::string& name, std::vector<std::size_t> shape, bool has_bias = false) {
    NormWeights out{.gain = vector(name + ".weight", shape), .bias = {}};
    if (config_.norm_adds_one) {
      for (float& g : out.gain) g += 1.0F;
    }
    if (has_bias) out.bias = vector(name + ".bias", std::move(shape));
    return out;
  }
  /// A norm of the residual stream; nothing if the family has no name for it.
  NormWeights stream_norm(const std::string& at, std::string_view name) {
    if (name.empty()) return {};
    return norm(at + std::string(name), {config_.d_model}, config_.norm_bias);
  }

  std::vector<float> vector(const std::string& name, const std::vector<std::size_t>& shape) {
    const io::StoredTensor& t = source_.take(name, shape);
    std::vector<float> out(t.count());
    if (dtype_info(t.dtype).block_size > 1) {
      kernels::dequantize(t.dtype, t.bytes.data(), out);
    } else {
      io::to_f32(t, out);
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!std::isfinite(out[i])) {
        throw FormatError(t.file->path().string(),
                          fmt::format("tensor '{}' holds {} at [{}], expected finite numbers",
                                      t.name, out[i], i));
      }
    }
    return out;
  }

  const ModelConfig& config() const noexcept { return config_; }
  const TensorNames& names() const noexcept { return names_; }

 private:
  WeightView view(const io::StoredTensor& t) {
    const std::size_t rows = t.shape[0], cols = t.shape[1];
    if (t.dtype == DType::kF64) {
      Tensor widened = Tensor::uninitialized({rows, cols});
      io::to_f32(t, widened.values());
      out_.converted.push_back(std::move(widened));
      return {.data = reinterpret_cast<const std::byte*>(out_.converted.back().data()),
              .dtype = DType::kF32,
              .rows = rows,
              .cols = cols,
              .row_bytes = cols * sizeof(float)};
    }
    if (!is_weight_dtype(t.dtype)) {
      throw UnsupportedError(t.file->path().string(),
                             fmt::format("tensor '{}' holds {}, expected floating-point weights",
                                         t.name, dtype_info(t.dtype).name));
    }
    if (cols % dtype_info(t.dtype).block_size != 0) {
      throw FormatError(
          t.file->path().string(),
          fmt::format("tensor '{}' has rows of {}, expected a multiple of {} for {}", t.name, cols,
                      dtype_info(t.dtype).block_size, dtype_info(t.dtype).name));
    }
    return {.data = t.bytes.data(),
            .dtype = t.dtype,
            .rows = rows,
            .cols = cols,
            .row_bytes = dtype_bytes(t.dtype, cols)};
  }

  const ModelConfig& config_;
  const TensorNames& names_;
  TensorSource& source_;
  Weights& out_;
};

void load_attention(Loader& load, QkvLayout layout, bool transposed, const std::string& at,
                    Block& b) {
  const ModelConfig& c = load.config();
  const TensorNames& names = load.names();
  const std::size_t d = c.d_model, q_width = c.n_heads * c.d_head,
                    kv_width = c.n_kv_heads * c.d_head;
  const auto linear = [&](std::string_view name, std::size_t rows, std::size_t cols, bool bias) {
    return load.linear(at + std::string(name), rows, cols, bias, transposed);
  };
  switch (layout) {
    case QkvLayout::kSeparate:
      b.q = linear(names.q, q_width, d, c.qkv_bias);
      b.k = linear(names.k, kv_width, d, c.qkv_bias);
      b.v = linear(names.v, kv_width, d, c.qkv_bias);
      break;
    case QkvLayout::kFused: {
      const LinearWeights qkv = linear(names.qkv, q_width + 2 * kv_width, d, c.qkv_bias);
      b.q = row_range(qkv, 0, q_width);
      b.k = row_range(qkv, q_width, kv_width);
      b.v = row_range(qkv, q_width + kv_width, kv_width);
      break;
    }
    case QkvLayout::kFusedByHead:
      b.qkv_by_head = linear(names.qkv, 3 * q_width, d, c.qkv_bias);
      break;
  }
  b.o = linear(names.o, d, q_width, c.o_bias);
  const std::string q_norm = at + std::string(names.q_norm),
                    k_norm = at + std::string(names.k_norm);
  switch (c.qk_norm) {
    case QkNorm::kNone:
      break;
    case QkNorm::kHead:
      b.q_norm = load.norm(q_norm, {c.d_head});
      b.k_norm = load.norm(k_norm, {c.d_head});
      break;
    case QkNorm::kAllHeads:
      b.q_norm = load.norm(q_norm, {q_width});
      b.k_norm = load.norm(k_norm, {kv_width});
      break;
    case QkNorm::kHeadLayer:
      b.q_norm = load.norm(q_norm, {c.n_heads, c.d_head});
      b.k_norm = load.norm(k_norm, {c.n_kv_heads, c.d_head});
      break;
  }
}

void load_mlp(Loader& load, bool transposed, const std::string& at, Block& b) {
  const ModelConfig& c = load.config();
  const TensorNames& names = load.names();
  const auto linear = [&](std::string_view name, std::size_t rows, std::size_t cols) {
    return load.linear(at + std::string(name), rows, cols, c.mlp_bias, transposed);
  };
  if (!names.gate_up.empty()) {
    const LinearWeights both = linear(names.gate_up, 2 * c.d_mlp, c.d_model);
    b.mlp.gate = row_range(both, 0, c.d_mlp);
    b.mlp.up = row_range(both, c.d_mlp, c.d_mlp);
  } else {
    if (c.is_gated) b.mlp.gate = linear(names.gate, c.d_mlp, c.d_model);
    b.mlp.up = linear(names.up, c.d_mlp, c.d_model);
  }
  b.mlp.down = linear(names.down, c.d_model, c.d_mlp);
}

void load_experts(Loader& load, const std::string& at, Block& b) {
  const ModelConfig& c = load.config();
  const TensorNames& names = load.names();
  const auto expert = [&](const std::string& name, std::size_t width) {
    const auto part = [&](std::string_view p, std::size_t rows, std::size_t cols) {
      return load.linear(name + "." + std::string(p), rows, cols, false, false);
    };
    return MlpWeights{.gate = part(names.expert_gate, width, c.d_model),
                      .up = part(names.expert_up, width, c.d_model),
                      .down = part(names.expert_down, c.d_model, width)};
  };
  b.router = load.matrix(at + std::string(names.router), c.moe.n_experts, c.d_model);
  for (std::size_t e = 0; e < c.moe.n_experts; ++e)
    b.experts.push_back(expert(fmt::format("{}{}{}", at, names.expert, e), c.moe.d_expert));
  if (c.moe.d_shared_expert > 0) {
    b.shared_expert = expert(at + std::string(names.shared_expert), c.moe.d_shared_expert);
    b.shared_gate = load.matrix(at + std::string(names.shared_gate), 1, c.d_model);
  }
}

Block load_block(Loader& load, QkvLayout layout, bool transposed, int layer) {
  const ModelConfig& c = load.config();
  const TensorNames& names = load.names();
  const std::string at = names.block_name(layer, "");
  Block b;
  b.ln1 = load.stream_norm(at, names.ln1);
  b.ln1_post = load.stream_norm(at, names.ln1_post);
  b.ln2 = load.stream_norm(at, names.ln2);
  b.ln2_post = load.stream_norm(at, names.ln2_post);
  load_attention(load, layout, transposed, at, b);
  const bool sparse = c.moe.n_experts > 0 && c.moe.sparse_layers[static_cast<std::size_t>(layer)];
  if (sparse) {
    load_experts(load, at, b);
  } else {
    load_mlp(load, transposed, at, b);
  }
  return b;
}

/// A tied model has one matrix; a file may still hold it twice.
void check_tied_head(TensorSource& source, const std::string& head_name,
                     const std::string& embed_name) {
  const io::StoredTensor* head = source.find(head_name);
  const io::StoredTensor* embed = source.find(embed_name);
  if (head == nullptr || embed == nullptr) return;
  const bool same = head->dtype == embed->dtype && head->shape == embed->shape &&
                    head->bytes.size() == embed->bytes.size() &&
                    std::memcmp(head->bytes.data(), embed->bytes.data(), head->bytes.size()) == 0;
  if (!same) {
    throw UnsupportedError(head->file->path().string(),
                           fmt::format("tensor '{}' differs from the embedding, but the config "
                                       "ties them (tie_word_embeddings)",
                                       head_name));
  }
  source.mark_read(head_name);
}

}  // namespace

Weights load_weights(const ModelConfig& c, const Family& family, TensorSource source,
                     bool is_gguf) {
  Weights w;
  w.interleaved_qk = is_gguf && family.gguf_interleaved_rope;
  w.converted.reserve(source.tensors().size());  // views point into it
  const TensorNames& names = family.names;
  Loader load(c, names, source, w);
  const std::string prefix(names.prefix), head(names.head),
      embed = prefix + std::string(names.embed);
  w.embed = load.matrix(embed, c.d_vocab, c.d_model);
  if (c.has_learned_positions) {
    const std::size_t first = family.first_position;
    w.positions = load.matrix(prefix + std::string(names.positions), first + c.n_ctx, c.d_model)
                      .slice_rows(first, c.n_ctx);
  }
  if (c.tied_embeddings) {
    check_tied_head(source, head + ".weight", embed + ".weight");
    w.unembed.weight = w.embed;
  } else {
    w.unembed.weight = load.matrix(head, c.d_vocab, c.d_model);
  }
  if (c.unembed_bias) w.unembed.bias = load.vector(head + ".bias", {c.d_vocab});
  w.ln_final = load.stream_norm(prefix, names.ln_final);
  const bool transposed = family.transposed && !is_gguf;
  // GGUF's converter has put the heads' rows of q, of k and of v together.
  const bool regrouped = is_gguf && family.qkv == QkvLayout::kFusedByHead;
  const QkvLayout layout = regrouped ? QkvLayout::kFused : family.qkv;
  for (int layer = 0; layer < c.n_layers; ++layer)
    w.blocks.push_back(load_block(load, layout, transposed, layer));
  source.check_all_read();
  w.tensors = source.tensors();
  w.unembed_file = w.tensors.at((c.tied_embeddings ? embed : head) + ".weight").file;
  for (int layer = 0; layer < c.n_layers; ++layer) {
    const std::string at = names.block_name(layer, "");
    for (auto it = w.tensors.lower_bound(at); it != w.tensors.end() && it->first.starts_with(at);
         ++it)
      w.blocks[static_cast<std::size_t>(layer)].stored.push_back(
          {it->second.file, it->second.bytes});
  }
  return w;
}

void check_finite_weights(const Weights& weights) {
  std::vector<float> row;
  for (const auto& [name, t] : weights.tensors) {
    if (t.shape.size() != 2 || !is_weight_dtype(t.dtype)) continue;
    row.resize(t.shape[1]);
    for (std::size_t r = 0; r < t.shape[0]; ++r) {
      kernels::dequantize(t.dtype, t.bytes.data() + r * dtype_bytes(t.dtype, row.size()), row);
      if (kernels::all_finite(row)) continue;
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (!std::isfinite(row[i])) {
          throw FormatError(t.file->path().string(),
                            fmt::format("tensor '{}' holds {} at [{}, {}], expected finite numbers",
                                        t.name, row[i], r, i));
        }
      }
    }
  }
}

}  // namespace cutaway
