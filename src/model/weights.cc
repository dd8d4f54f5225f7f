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

class Loader {
 public:
  Loader(const ModelConfig& config, TensorSource& source, Weights& out)
      : config_(config), source_(source), out_(out) {}

  WeightView matrix(const std::string& name, std::size_t rows, std::size_t cols) {
    return view(source_.take(name, std::vector<std::size_t>{rows, cols}));
  }

  LinearWeights linear(const std::string& name, std::size_t rows, std::size_t cols, bool has_bias) {
    LinearWeights w{.weight = matrix(name + ".weight", rows, cols), .bias = {}};
    if (has_bias) w.bias = vector(name + ".bias", rows);
    return w;
  }

  NormGain norm(const std::string& name, std::size_t size) {
    NormGain gain = vector(name + ".weight", size);
    if (config_.norm_adds_one) {
      for (float& g : gain) g += 1.0F;
    }
    return gain;
  }

 private:
  std::vector<float> vector(const std::string& name, std::size_t size) {
    const io::StoredTensor& t = source_.take(name, std::vector<std::size_t>{size});
    std::vector<float> out(size);
    if (dtype_info(t.dtype).block_size > 1) {
      kernels::dequantize(t.dtype, t.bytes.data(), out);
    } else {
      io::to_f32(t, out);
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (!std::isfinite(out[i])) {
        throw FormatError(t.file->path().string(),
                          fmt::format("tensor '{}' holds {} at [{}], expected finite numbers",
                                      t.name, out[i], i));
      }
    }
    return out;
  }

  WeightView view(const io::StoredTensor& t) {
    const std::size_t rows = t.shape[0], cols = t.shape[1];
    if (t.dtype == DType::kF64) {
      Tensor widened = Tensor::uninitialized({rows, cols});
      io::to_f32(t, widened.values());
      out_.converted.push_back(std::move(widened));
      return {reinterpret_cast<const std::byte*>(out_.converted.back().data()), DType::kF32, rows,
              cols, cols * sizeof(float)};
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
    return {t.bytes.data(), t.dtype, rows, cols, dtype_bytes(t.dtype, cols)};
  }

  const ModelConfig& config_;
  TensorSource& source_;
  Weights& out_;
};

Block load_block(Loader& load, const ModelConfig& c, int layer) {
  const std::string at = fmt::format("model.layers.{}.", layer);
  const std::size_t q_width = c.n_heads * c.d_head, kv_width = c.n_kv_heads * c.d_head;
  Block b;
  b.ln1 = load.norm(at + "input_layernorm", c.d_model);
  if (c.has_post_norms) {
    b.ln1_post = load.norm(at + "post_attention_layernorm", c.d_model);
    b.ln2 = load.norm(at + "pre_feedforward_layernorm", c.d_model);
    b.ln2_post = load.norm(at + "post_feedforward_layernorm", c.d_model);
  } else {
    b.ln2 = load.norm(at + "post_attention_layernorm", c.d_model);
  }
  if (c.has_qk_norm) {
    b.q_norm = load.norm(at + "self_attn.q_norm", c.d_head);
    b.k_norm = load.norm(at + "self_attn.k_norm", c.d_head);
  }
  b.q = load.linear(at + "self_attn.q_proj", q_width, c.d_model, c.qkv_bias);
  b.k = load.linear(at + "self_attn.k_proj", kv_width, c.d_model, c.qkv_bias);
  b.v = load.linear(at + "self_attn.v_proj", kv_width, c.d_model, c.qkv_bias);
  b.o = load.linear(at + "self_attn.o_proj", c.d_model, q_width, c.o_bias);
  b.gate = load.linear(at + "mlp.gate_proj", c.d_mlp, c.d_model, c.mlp_bias);
  b.up = load.linear(at + "mlp.up_proj", c.d_mlp, c.d_model, c.mlp_bias);
  b.down = load.linear(at + "mlp.down_proj", c.d_model, c.d_mlp, c.mlp_bias);
  return b;
}

/// A tied model has one matrix; a file may still hold it twice.
void check_tied_head(TensorSource& source) {
  const io::StoredTensor* head = source.find("lm_head.weight");
  const io::StoredTensor* embed = source.find("model.embed_tokens.weight");
  if (head == nullptr || embed == nullptr) return;
  const bool same = head->dtype == embed->dtype && head->shape == embed->shape &&
                    head->bytes.size() == embed->bytes.size() &&
                    std::memcmp(head->bytes.data(), embed->bytes.data(), head->bytes.size()) == 0;
  if (!same) {
    throw UnsupportedError(head->file->path().string(),
                           "tensor 'lm_head.weight' differs from the embedding, but the config "
                           "ties them (tie_word_embeddings)");
  }
  source.mark_read("lm_head.weight");
}

}  // namespace

Weights load_weights(const ModelConfig& c, TensorSource source, bool interleaved_qk) {
  Weights w;
  w.interleaved_qk = interleaved_qk;
  w.converted.reserve(source.tensors().size());  // views point into it
  Loader load(c, source, w);
  w.embed = load.matrix("model.embed_tokens.weight", c.d_vocab, c.d_model);
  if (c.tied_embeddings) {
    check_tied_head(source);
    w.unembed = w.embed;
  } else {
    w.unembed = load.matrix("lm_head.weight", c.d_vocab, c.d_model);
  }
  w.ln_final = load.norm("model.norm", c.d_model);
  for (int layer = 0; layer < c.n_layers; ++layer) w.blocks.push_back(load_block(load, c, layer));
  source.check_all_read();
  w.tensors = source.tensors();
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
