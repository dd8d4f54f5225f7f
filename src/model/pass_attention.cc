// Attention of a pass: projections, norms and rotation of q and k, scores, pattern, values.
#include <algorithm>

#include "kernels/dequant.h"
#include "model/pass.h"

namespace cutaway {
namespace {

/// GGUF's llama files order the rows of a head as (0, h), (1, h+1) ... pairs; bring the outputs
/// back to Hugging Face's halves.
void restore_halves(Device& device, TensorView<float, 2> x, std::size_t d_head) {
  const std::size_t half = d_head / 2;
  const auto host = device.map(x);
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
  device.unmap(x, true);
}

}  // namespace

void Pass::project_qkv(const Block& w, Rows x, Rows q, Rows k, Rows v) {
  if (w.qkv_by_head.weight.rows == 0) {
    const Product products[] = {
        {w.q.weight, w.q.bias, q}, {w.k.weight, w.k.bias, k}, {w.v.weight, w.v.bias, v}};
    device_.linear(x, products);
  } else {
    const std::size_t d_head = config_.d_head, width = 3 * config_.n_heads * d_head;
    const auto qkv = rows("qkv", width);
    device_.linear(x, std::array{Product{w.qkv_by_head.weight, w.qkv_by_head.bias, qkv}});
    Rows parts[] = {q, k, v};
    for (std::size_t h = 0; h < config_.n_heads; ++h) {
      for (std::size_t p = 0; p < 3; ++p) {
        const Rows from(qkv.data() + (3 * h + p) * d_head, {total_, d_head}, {width, 1});
        const Rows to(parts[p].data() + h * d_head, {total_, d_head}, {parts[p].stride(0), 1});
        device_.copy(from, to);
      }
    }
  }
  if (model_.weights.interleaved_qk) {
    restore_halves(device_, q, config_.d_head);
    restore_halves(device_, k, config_.d_head);
  }
}

void Pass::qk_norms(const Block& w, int layer, Rows q, Rows k) {
  if (config_.qk_norm == QkNorm::kNone) return;
  const Norm kind = config_.qk_norm == QkNorm::kHeadLayer ? Norm::kLayer : Norm::kRms;
  const bool per_head = config_.qk_norm != QkNorm::kAllHeads;
  norm(kind, w.q_norm, q, q, layer, {Site::kQNormScale, Site::kQNormNormalized},
       per_head ? config_.n_heads : 1);
  norm(kind, w.k_norm, k, k, layer, {Site::kKNormScale, Site::kKNormNormalized},
       per_head ? config_.n_kv_heads : 1);
}

/// Rotates the leading `rope.dims` dimensions of every head.
void Pass::rotate(Rows x, std::size_t heads, const RopeTables& tables) {
  const std::size_t d_head = config_.d_head;
  const TensorView<float, 3> turned(x.data(), {x.extent(0), heads, config_.rope.dims},
                                    {heads * d_head, d_head, 1});
  const std::size_t width = config_.rope.dims / 2;
  const TensorView<const float, 2> cos(tables.cos.data(), {x.extent(0), width}),
      sin(tables.sin.data(), {x.extent(0), width});
  if (config_.rope.pairs) {
    device_.rope_pairs(turned, cos, sin);
  } else {
    device_.rope(turned, cos, sin);
  }
}

void Pass::attention(const Block& w, int layer, Rows x, Rows out) {
  const std::size_t d_head = config_.d_head, q_width = config_.n_heads * d_head,
                    kv_width = config_.n_kv_heads * d_head;
  const auto q = rows("q", q_width), k = rows("k", kv_width), v = rows("v", kv_width),
             z = rows("z", q_width);
  project_qkv(w, x, q, k, v);
  visit(Site::kQ, layer, q);
  visit(Site::kK, layer, k);
  visit(Site::kV, layer, v);
  qk_norms(w, layer, q, k);
  const std::size_t window = config_.windows[static_cast<std::size_t>(layer)];
  if (config_.rope.dims > 0) {
    const bool local = window > 0 && config_.rope_local != config_.rope;
    const RopeTables& tables = local ? rope_local_ : rope_;
    rotate(q, config_.n_heads, tables);
    rotate(k, config_.n_kv_heads, tables);
    visit(Site::kRotQ, layer, q);
    visit(Site::kRotK, layer, k);
  }

  store_keys_and_values(layer, k, v);
  attend(layer, window, q, z);
  visit(Site::kZ, layer, z);

  device_.linear(z, std::array{Product{w.o.weight, w.o.bias, out}});
  if (hooks_.wants(Site::kResult, layer)) results(w, layer, z, out);
}

void Pass::store_keys_and_values(int layer, Rows k, Rows v) {
  const auto at = static_cast<std::size_t>(layer);
  const std::size_t heads = config_.n_kv_heads, d_head = config_.d_head;
  for (std::size_t b = 0; b < sequences(); ++b) {
    const auto keys = store(b).keys(at), values = store(b).values(at);
    const std::size_t past = rows_[b].past;
    if (!joining_.empty() && joining_[b].before != nullptr && past > 0) {
      // What the clean run computed for the positions before: keys lie by dimension, values by
      // position.
      const auto from_keys = joining_[b].before->keys(at),
                 from_values = joining_[b].before->values(at);
      device_.copy(Rows(from_keys.data(), {heads * d_head, past}, {from_keys.extent(2), 1}),
                   Rows(keys.data(), {heads * d_head, past}, {keys.extent(2), 1}));
      device_.copy(
          Rows(from_values.data(), {heads, past * d_head}, {from_values.extent(1) * d_head, 1}),
          Rows(values.data(), {heads, past * d_head}, {values.extent(1) * d_head, 1}));
    }
    device_.store_keys(by_head(slice(k, b), heads), past, keys);
    device_.store_values(by_head(slice(v, b), heads), past, values);
  }
}

void Pass::attend(int layer, std::size_t window, Rows q, Rows z) {
  const auto at = static_cast<std::size_t>(layer);
  const double scale =
      config_.attn_scale / (config_.attn_scale_by_layer ? static_cast<double>(layer + 1) : 1.0);
  const auto shape_of = [&](std::size_t b) {
    return kernels::AttentionShape{.queries = rows_[b].count,
                                   .keys = rows_[b].length(),
                                   .first_pos = rows_[b].past,
                                   .heads = config_.n_heads,
                                   .kv_heads = config_.n_kv_heads,
                                   .d_head = config_.d_head,
                                   .scale = static_cast<float>(scale),
                                   .softcap = static_cast<float>(config_.attn_softcap),
                                   .window = window};
  };
  // Phase by phase over whole score matrices where a hook looks, with the same bits as the fused
  // path.
  std::vector<Buffer> buffers;
  std::vector<TensorView<float, 3>> edges(sequences(), TensorView<float, 3>(nullptr, {0, 0, 0}));
  std::vector<std::size_t> hooked;
  for (std::size_t b = 0; b < sequences(); ++b) {
    const auto heads_of_q = by_head(slice(q, b), config_.n_heads);
    const auto looks = [&](Site site) { return hooks_.wants_of(b, site, layer); };
    if (!looks(Site::kScores) && !looks(Site::kAttnScores) && !looks(Site::kPattern)) {
      device_.attention(shape_of(b), heads_of_q, store(b).keys(at), store(b).values(at),
                        by_head(slice(z, b), config_.n_heads));
      continue;
    }
    hooked.push_back(b);
    const auto shape = shape_of(b);
    buffers.push_back(device_.allocate(shape.heads * shape.queries * shape.keys));
    edges[b] = buffers.back().view<3>({shape.heads, shape.queries, shape.keys});
    device_.attention_scores(shape, heads_of_q, store(b).keys(at), edges[b]);
  }
  if (hooked.empty()) return;
  visit_edges(Site::kScores, layer, edges);
  for (std::size_t b : hooked) device_.attention_cap_and_mask(shape_of(b), edges[b]);
  visit_edges(Site::kAttnScores, layer, edges);
  for (std::size_t b : hooked) device_.attention_softmax(edges[b]);
  visit_edges(Site::kPattern, layer, edges);
  for (std::size_t b : hooked) {
    device_.attention_values(shape_of(b), edges[b], store(b).values(at),
                             by_head(slice(z, b), config_.n_heads));
  }
}

/// Per-head results z_h W_O,h: computed only for a hook. A position whose results no edit changed
/// keeps the ordinary product, bit for bit; the others become the sum of their results and the
/// bias.
void Pass::results(const Block& w, int layer, Rows z, Rows out) {
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
  if (hooks_.has_edits_at(Site::kResult, layer)) {
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

}  // namespace cutaway
