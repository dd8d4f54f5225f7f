#include "model/forward.h"

#include <algorithm>
#include <array>
#include <utility>

#include <cutaway/error.h>

#include "kernels/dequant.h"
#include "kernels/elementwise.h"
#include "model/rope.h"

namespace cutaway {
namespace {

Activation activation_of(Act act) {
  switch (act) {
    case Act::kSilu:
      return Activation::kSilu;
    case Act::kGelu:
      return Activation::kGelu;
    case Act::kGeluTanh:
      return Activation::kGeluTanh;
  }
  return Activation::kSilu;
}

/// Sequences without new tokens take no part in the pass.
PassRows pass_rows(std::span<const std::span<const TokenId>> tokens, std::span<KvStore> stores) {
  PassRows rows;
  std::size_t first = 0;
  for (std::size_t s = 0; s < tokens.size(); ++s) {
    if (tokens[s].empty()) continue;
    rows.push_back(
        {.sequence = s, .first_row = first, .count = tokens[s].size(), .past = stores[s].length});
    first += tokens[s].size();
  }
  return rows;
}

/// The forward pass, one method a part, in the order of the paper. Rows of all sequences are
/// packed; attention alone knows where one ends.
class Pass {
 public:
  Pass(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
       std::span<KvStore> stores, const HookPlan& plan, ActivationCache& cache)
      : model_(model),
        config_(model.config),
        device_(*model.device),
        stores_(stores),
        rows_(pass_rows(tokens, stores)),
        hooks_(plan, rows_, cache),
        total_(rows_.back().first_row + rows_.back().count) {
    std::vector<std::size_t> positions;
    for (const SequenceRows& r : rows_) {
      ids_.insert(ids_.end(), tokens[r.sequence].begin(), tokens[r.sequence].end());
      for (std::size_t i = 0; i < r.count; ++i) positions.push_back(r.past + i);
    }
    rope_ = rope_tables(model.rope, positions);
    if (config_.rope_local != config_.rope) rope_local_ = rope_tables(model.rope_local, positions);
  }

  Tensor run(LogitRows want) {
    const auto resid = rows("resid", config_.d_model);
    device_.embed(model_.weights.embed, ids_, static_cast<float>(config_.embed_scale), resid);
    visit(Site::kEmbed, -1, resid);
    for (int layer = 0; layer < config_.n_layers; ++layer) {
      model_.runtime.check_interrupt();
      block(layer, resid);
      model_.runtime.report("layer", static_cast<std::size_t>(layer) + 1,
                            static_cast<std::size_t>(config_.n_layers));
    }
    for (const SequenceRows& r : rows_) stores_[r.sequence].length += r.count;
    check_finite(resid);
    return unembed(resid, want);
  }

 private:
  using Rows = TensorView<float, 2>;

  void block(int layer, Rows resid) {
    const Block& w = model_.weights.blocks[static_cast<std::size_t>(layer)];
    const auto normed = rows("normed", config_.d_model), out = rows("out", config_.d_model);

    visit(Site::kResidPre, layer, resid);
    norm(w.ln1, resid, normed, layer, Site::kLn1Scale, Site::kLn1Normalized);
    attention(w, layer, normed, out);
    visit(Site::kAttnRawOut, layer, out);
    if (config_.has_post_norms)
      norm(w.ln1_post, out, out, layer, Site::kLn1PostScale, Site::kLn1PostNormalized);
    visit(Site::kAttnOut, layer, out);
    device_.add(out, resid);
    visit(Site::kResidMid, layer, resid);

    norm(w.ln2, resid, normed, layer, Site::kLn2Scale, Site::kLn2Normalized);
    visit(Site::kMlpIn, layer, normed);
    mlp(w, layer, normed, out);
    visit(Site::kMlpRawOut, layer, out);
    if (config_.has_post_norms)
      norm(w.ln2_post, out, out, layer, Site::kLn2PostScale, Site::kLn2PostNormalized);
    visit(Site::kMlpOut, layer, out);
    device_.add(out, resid);
    visit(Site::kResidPost, layer, resid);
  }

  /// y = x / sqrt(mean(x²) + eps) · gain. x and y may be the same. Phase by phase where a hook
  /// looks, with the same bits. With `heads`, every row holds that many vectors, each normed by
  /// itself.
  void norm(const NormGain& gain, Rows x, Rows y, int layer, Site scale_site, Site normalized_site,
            std::size_t heads = 1) {
    const auto eps = static_cast<float>(config_.norm_eps);
    const Rows xs = split(x, heads), ys = split(y, heads);
    if (!hooks_.wants(scale_site, layer) && !hooks_.wants(normalized_site, layer)) {
      device_.rms_norm(xs, gain, eps, ys);
      return;
    }
    const Buffer scale = device_.allocate(xs.extent(0));
    device_.rms_scale(xs, eps, {scale.data(), scale.size()});
    visit(scale_site, layer, scale.view<2>({total_, heads}));
    device_.divide_rows(xs, {scale.data(), scale.size()}, ys);
    visit(normalized_site, layer, y);
    device_.multiply_columns(ys, gain, ys);
  }

  void attention(const Block& w, int layer, Rows x, Rows out) {
    const std::size_t d_head = config_.d_head, q_width = config_.n_heads * d_head,
                      kv_width = config_.n_kv_heads * d_head;
    const auto q = rows("q", q_width), k = rows("k", kv_width), v = rows("v", kv_width),
               z = rows("z", q_width);
    const Product products[] = {
        {w.q.weight, w.q.bias, q}, {w.k.weight, w.k.bias, k}, {w.v.weight, w.v.bias, v}};
    device_.linear(x, products);
    if (model_.weights.interleaved_qk) {
      restore_halves(q);
      restore_halves(k);
    }
    visit(Site::kQ, layer, q);
    visit(Site::kK, layer, k);
    visit(Site::kV, layer, v);
    if (config_.has_qk_norm) {
      norm(w.q_norm, q, q, layer, Site::kQNormScale, Site::kQNormNormalized, config_.n_heads);
      norm(w.k_norm, k, k, layer, Site::kKNormScale, Site::kKNormNormalized, config_.n_kv_heads);
    }
    const std::size_t window = config_.windows[static_cast<std::size_t>(layer)];
    const RopeTables& rope = window > 0 && config_.rope_local != config_.rope ? rope_local_ : rope_;
    device_.rope(by_head(q, config_.n_heads), rope.cos.view<2>(), rope.sin.view<2>());
    device_.rope(by_head(k, config_.n_kv_heads), rope.cos.view<2>(), rope.sin.view<2>());
    visit(Site::kRotQ, layer, q);
    visit(Site::kRotK, layer, k);

    for (std::size_t b = 0; b < rows_.size(); ++b) {
      const auto at = static_cast<std::size_t>(layer);
      device_.store_keys(by_head(slice(k, b), config_.n_kv_heads), rows_[b].past,
                         store(b).keys(at));
      device_.store_values(by_head(slice(v, b), config_.n_kv_heads), rows_[b].past,
                           store(b).values(at));
    }
    attend(layer, window, q, z);
    visit(Site::kZ, layer, z);

    device_.linear(z, std::array{Product{w.o.weight, w.o.bias, out}});
    if (hooks_.wants(Site::kResult, layer)) results(w, layer, z, out);
  }

  void attend(int layer, std::size_t window, Rows q, Rows z) {
    const auto at = static_cast<std::size_t>(layer);
    const auto shape_of = [&](std::size_t b) {
      return kernels::AttentionShape{.queries = rows_[b].count,
                                     .keys = rows_[b].length(),
                                     .first_pos = rows_[b].past,
                                     .heads = config_.n_heads,
                                     .kv_heads = config_.n_kv_heads,
                                     .d_head = config_.d_head,
                                     .scale = static_cast<float>(config_.attn_scale),
                                     .softcap = static_cast<float>(config_.attn_softcap),
                                     .window = window};
    };
    const bool hooked = hooks_.wants(Site::kScores, layer) ||
                        hooks_.wants(Site::kAttnScores, layer) ||
                        hooks_.wants(Site::kPattern, layer);
    if (!hooked) {
      for (std::size_t b = 0; b < rows_.size(); ++b) {
        device_.attention(shape_of(b), by_head(slice(q, b), config_.n_heads), store(b).keys(at),
                          store(b).values(at), by_head(slice(z, b), config_.n_heads));
      }
      return;
    }
    // Phase by phase over whole score matrices: what the hooks see, and the same bits as the fused
    // path.
    std::vector<Buffer> buffers;
    std::vector<TensorView<float, 3>> edges;
    for (std::size_t b = 0; b < rows_.size(); ++b) {
      const auto shape = shape_of(b);
      buffers.push_back(device_.allocate(shape.heads * shape.queries * shape.keys));
      edges.push_back(buffers.back().view<3>({shape.heads, shape.queries, shape.keys}));
      device_.attention_scores(shape, by_head(slice(q, b), config_.n_heads), store(b).keys(at),
                               edges[b]);
    }
    visit_edges(Site::kScores, layer, edges);
    for (std::size_t b = 0; b < rows_.size(); ++b)
      device_.attention_cap_and_mask(shape_of(b), edges[b]);
    visit_edges(Site::kAttnScores, layer, edges);
    for (std::size_t b = 0; b < rows_.size(); ++b) device_.attention_softmax(edges[b]);
    visit_edges(Site::kPattern, layer, edges);
    for (std::size_t b = 0; b < rows_.size(); ++b) {
      device_.attention_values(shape_of(b), edges[b], store(b).values(at),
                               by_head(slice(z, b), config_.n_heads));
    }
  }

  /// Per-head results z_h W_O,h: computed only for a hook. A position whose results no edit changed
  /// keeps the ordinary product, bit for bit; the others become the sum of their results and the
  /// bias.
  void results(const Block& w, int layer, Rows z, Rows out) {
    const std::size_t heads = config_.n_heads, d_head = config_.d_head, d_model = config_.d_model;
    const Buffer w_o = device_.allocate(d_model * heads * d_head);
    const auto wide = w_o.view<2>({d_model, heads * d_head});
    for (std::size_t r = 0; r < d_model; ++r) kernels::dequantize_row(w.o.weight, r, wide.row(r));
    const Buffer result = device_.allocate(total_ * heads * d_model);
    const auto all = result.view<2>({total_, heads * d_model});
    for (std::size_t h = 0; h < heads; ++h) {
      const WeightView columns{reinterpret_cast<const std::byte*>(w_o.data() + h * d_head),
                               DType::kF32, d_model, d_head, heads * d_head * sizeof(float)};
      const Rows y(result.data() + h * d_model, {total_, d_model}, {heads * d_model, 1});
      const TensorView<const float, 2> x(z.data() + h * d_head, {total_, d_head}, {z.stride(0), 1});
      device_.linear(x, std::array{Product{columns, {}, y}});
    }
    if (!hooks_.plan().find(Site::kResult, layer)->edits.empty()) {
      const std::vector<float> before(result.data(), result.data() + result.size());
      visit(Site::kResult, layer, all);
      for (std::size_t i = 0; i < total_; ++i) {
        const auto row = all.row(i);
        if (std::equal(row.begin(), row.end(),
                       before.begin() + static_cast<std::ptrdiff_t>(i * row.size())))
          continue;
        const auto sum = out.row(i);
        if (w.o.bias.empty()) {
          std::ranges::fill(sum, 0.0F);
        } else {
          std::ranges::copy(w.o.bias, sum.begin());
        }
        for (std::size_t h = 0; h < heads; ++h) {
          for (std::size_t d = 0; d < d_model; ++d) sum[d] += row[h * d_model + d];
        }
      }
    } else {
      visit(Site::kResult, layer, all);
    }
  }

  void mlp(const Block& w, int layer, Rows x, Rows out) {
    const auto gate = rows("gate", config_.d_mlp), up = rows("up", config_.d_mlp);
    const Product products[] = {{w.gate.weight, w.gate.bias, gate}, {w.up.weight, w.up.bias, up}};
    device_.linear(x, products);
    visit(Site::kMlpPre, layer, gate);
    visit(Site::kMlpPreLinear, layer, up);
    device_.activate(activation_of(config_.act), gate, gate);
    device_.multiply(up, gate);
    visit(Site::kMlpPost, layer, gate);
    device_.linear(gate, std::array{Product{w.down.weight, w.down.bias, out}});
  }

  Tensor unembed(Rows resid, LogitRows want) {
    const bool hooked = hooks_.wants(Site::kLnFinalScale, -1) ||
                        hooks_.wants(Site::kLnFinalNormalized, -1) ||
                        hooks_.wants(Site::kFinalNorm, -1) || hooks_.wants(Site::kLogits, -1);
    if (want == LogitRows::kNone && !hooked) return Tensor({0, config_.d_vocab});
    // Without hooks here, only the rows that are asked for.
    const bool last_only = want == LogitRows::kLast && !hooked;
    const std::size_t count = last_only ? rows_.size() : total_;
    const auto x = rows("final", config_.d_model).data();
    const Rows picked(x, {count, config_.d_model});
    if (last_only) {
      for (std::size_t b = 0; b < rows_.size(); ++b) {
        device_.copy(slice_rows(resid, rows_[b].first_row + rows_[b].count - 1, 1),
                     slice_rows(picked, b, 1));
      }
    } else {
      device_.copy(resid, picked);
    }
    const Buffer logits_buffer = device_.allocate(count * config_.d_vocab);
    const auto logits = logits_buffer.view<2>({count, config_.d_vocab});
    if (last_only) {
      device_.rms_norm(picked, model_.weights.ln_final, static_cast<float>(config_.norm_eps),
                       picked);
    } else {
      norm(model_.weights.ln_final, picked, picked, -1, Site::kLnFinalScale,
           Site::kLnFinalNormalized);
      visit(Site::kFinalNorm, -1, picked);
    }
    device_.linear(picked, std::array{Product{model_.weights.unembed, {}, logits}});
    if (config_.final_softcap > 0.0)
      device_.softcap(static_cast<float>(config_.final_softcap), logits);
    check_finite(logits);
    visit(Site::kLogits, -1, logits);
    return take_logits(logits, want, last_only);
  }

  Tensor take_logits(Rows logits, LogitRows want, bool already_last) {
    if (want == LogitRows::kNone) return Tensor({0, config_.d_vocab});
    const bool pick = want == LogitRows::kLast && !already_last;
    Tensor out = Tensor::uninitialized({pick ? rows_.size() : logits.extent(0), config_.d_vocab});
    const auto view = out.view<2>();
    if (pick) {
      for (std::size_t b = 0; b < rows_.size(); ++b)
        std::ranges::copy(logits.row(rows_[b].first_row + rows_[b].count - 1), view.row(b).begin());
    } else {
      for (std::size_t i = 0; i < logits.extent(0); ++i)
        std::ranges::copy(logits.row(i), view.row(i).begin());
    }
    return out;
  }

  /// Weights with NaN, or numbers past f32's range, are found here rather than handed out. With
  /// edits, whatever they make is the caller's.
  void check_finite(Rows x) {
    if (hooks_.plan().has_edits()) return;
    const Rows host = device_.map(x);
    for (std::size_t i = 0; i < host.extent(0); ++i) {
      if (kernels::all_finite(host.row(i))) continue;
      check_finite_weights(model_.weights);
      throw Error(model_.origin,
                  "activations leave the range of f32, although every weight is finite");
    }
    device_.unmap(x, false);
  }

  // One call a site: capture and intervention live in HookRun.
  void visit(Site site, int layer, Rows x) {
    if (!hooks_.wants(site, layer)) return;
    hooks_.visit(site, layer, device_.map(x));
    device_.unmap(x, true);
  }
  void visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges) {
    if (!hooks_.wants(site, layer)) return;
    const auto flat = [](const TensorView<float, 3>& e) {
      return Rows(e.data(), {e.extent(0) * e.extent(1), e.extent(2)});
    };
    std::vector<TensorView<float, 3>> mapped;
    for (const auto& e : edges) mapped.emplace_back(device_.map(flat(e)).data(), e.extents());
    hooks_.visit_edges(site, layer, mapped);
    for (const auto& e : edges) device_.unmap(flat(e), true);
  }

  /// GGUF's llama files order the rows of a head as (0, h), (1, h+1) ... pairs; bring the outputs
  /// back to Hugging Face's halves.
  void restore_halves(Rows x) {
    const std::size_t d_head = config_.d_head, half = d_head / 2;
    const Rows host = device_.map(x);
    std::vector<float> head(d_head);
    for (std::size_t i = 0; i < host.extent(0); ++i) {
      for (std::size_t begin = 0; begin < host.extent(1); begin += d_head) {
        const auto span = host.row(i).subspan(begin, d_head);
        for (std::size_t j = 0; j < half; ++j) {
          head[j] = span[2 * j];
          head[j + half] = span[2 * j + 1];
        }
        std::ranges::copy(head, span.begin());
      }
    }
    device_.unmap(x, true);
  }

  /// A buffer of the pass by name, made on first use: [total rows, width].
  Rows rows(std::string_view name, std::size_t width) {
    for (auto& [known, buffer] : buffers_) {
      if (known == name) return buffer.view<2>({total_, width});
    }
    buffers_.emplace_back(name, device_.allocate(total_ * width));
    return buffers_.back().second.view<2>({total_, width});
  }
  static Rows slice_rows(Rows x, std::size_t first, std::size_t count) {
    return {x.data() + first * x.stride(0), {count, x.extent(1)}, x.strides()};
  }
  const KvStore& store(std::size_t b) const { return stores_[rows_[b].sequence]; }
  Rows slice(Rows x, std::size_t b) const {
    return slice_rows(x, rows_[b].first_row, rows_[b].count);
  }
  static Rows split(Rows x, std::size_t parts) {
    return {x.data(), {x.extent(0) * parts, x.extent(1) / parts}};
  }
  static TensorView<float, 3> by_head(Rows x, std::size_t heads) {
    return {x.data(), {x.extent(0), heads, x.extent(1) / heads}};
  }

  const Model::Impl& model_;
  const ModelConfig& config_;
  Device& device_;
  std::span<KvStore> stores_;
  PassRows rows_;
  HookRun hooks_;
  std::size_t total_;
  std::vector<std::int32_t> ids_;
  RopeTables rope_, rope_local_;
  std::vector<std::pair<std::string_view, Buffer>> buffers_;
};

}  // namespace

Tensor forward(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
               std::span<KvStore> stores, const HookPlan& plan, ActivationCache& cache,
               LogitRows want) {
  return Pass(model, tokens, stores, plan, cache).run(want);
}

Tensor project(const Model::Impl& model, TensorView<const float, 2> resid) {
  const ModelConfig& c = model.config;
  Device& device = *model.device;
  const Buffer normed_buffer = device.allocate(resid.size());
  const auto normed = normed_buffer.view<2>({resid.extent(0), c.d_model});
  device.rms_norm(resid, model.weights.ln_final, static_cast<float>(c.norm_eps), normed);
  Tensor logits = Tensor::uninitialized({resid.extent(0), c.d_vocab});
  device.linear(normed, std::array{Product{model.weights.unembed, {}, logits.view<2>()}});
  if (c.final_softcap > 0.0) device.softcap(static_cast<float>(c.final_softcap), logits.view<2>());
  return logits;
}

}  // namespace cutaway
