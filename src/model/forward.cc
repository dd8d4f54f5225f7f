#include "model/forward.h"

#include <algorithm>

#include <cutaway/error.h>

#include "kernels/elementwise.h"
#include "model/pass.h"

namespace cutaway {
PassRows pass_rows(std::span<const std::span<const TokenId>> tokens,
                   std::span<const KvStore> stores) {
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

void apply_norm(Device& device, Norm kind, const NormWeights& w, float eps,
                TensorView<const float, 2> x, TensorView<float, 2> y) {
  if (kind == Norm::kLayer) {
    device.layer_norm(x, w.gain, w.bias, eps, y);
  } else {
    device.rms_norm(x, w.gain, eps, y);
  }
}

void apply_unembed(const Model::Impl& model, TensorView<const float, 2> x,
                   TensorView<float, 2> logits, WeightMemory memory) {
  Device& device = *model.device;
  const ModelConfig& config = model.config;
  const LinearWeights& w = model.weights.unembed;
  // Piece by piece if its pages must go again: a row's bits do not depend on the others.
  const std::size_t piece = memory == WeightMemory::kKept
                                ? w.weight.rows
                                : std::max<std::size_t>(1, kUnembedPiece / w.weight.row_bytes);
  for (std::size_t first = 0; first < w.weight.rows; first += piece) {
    const std::size_t count = std::min(piece, w.weight.rows - first);
    const WeightView rows = w.weight.slice_rows(first, count);
    const std::span<const float> bias =
        w.bias.empty() ? std::span<const float>() : std::span(w.bias).subspan(first, count);
    const TensorView<float, 2> y(logits.data() + first, {logits.extent(0), count},
                                 {logits.stride(0), 1});
    device.linear(x, std::array{Product{rows, bias, y}});
    if (memory == WeightMemory::kReleased)
      model.weights.unembed_file->release({rows.data, count * rows.row_bytes});
  }
  if (config.logit_scale != 1.0) device.scale(static_cast<float>(config.logit_scale), logits);
  if (config.final_softcap > 0.0) device.softcap(static_cast<float>(config.final_softcap), logits);
}

Pass::Pass(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
           std::span<KvStore> stores, PassRows rows, HookRuns hooks, WeightMemory memory,
           std::vector<Joining> joining)
    : model_(model),
      config_(model.config),
      device_(*model.device),
      stores_(stores),
      rows_(std::move(rows)),
      hooks_(std::move(hooks)),
      memory_(memory),
      joining_(std::move(joining)),
      active_(rows_.size()),
      total_(rows_.back().first_row + rows_.back().count),
      capacity_(total_) {
  std::vector<RopeSpan> spans;
  for (const SequenceRows& r : rows_) {
    ids_.insert(ids_.end(), tokens[r.sequence].begin(), tokens[r.sequence].end());
    for (std::size_t i = 0; i < r.count; ++i)
      positions_.push_back(static_cast<std::int32_t>(r.past + i));
    spans.push_back({.first = r.past, .count = r.count, .length = r.length()});
  }
  if (config_.rope.dims == 0) return;
  rope_ = rope_tables(config_.rope, spans);
  if (config_.rope_local != config_.rope) rope_local_ = rope_tables(config_.rope_local, spans);
}

Tensor Pass::run(LogitRows want) {
  if (!joining_.empty()) active_ = total_ = 0;
  for (int layer = 0; layer <= config_.n_layers; ++layer) {
    model_.runtime.check_interrupt();
    join(layer);
    if (layer == config_.n_layers || active_ == 0) continue;
    block(layer, rows("resid", config_.d_model));
    if (memory_ == WeightMemory::kReleased) {
      for (const StoredPart& part : model_.weights.blocks[static_cast<std::size_t>(layer)].stored)
        part.file->release(part.bytes);
    }
    model_.runtime.report("layer", static_cast<std::size_t>(layer) + 1,
                          static_cast<std::size_t>(config_.n_layers));
  }
  for (const SequenceRows& r : rows_) stores_[r.sequence].length += r.count;
  const auto resid = rows("resid", config_.d_model);
  check_finite(resid);
  return unembed(resid, want);
}

/// Lets the sequences in that begin at `layer`: by their embedding, or with the stream that a clean
/// run had there.
void Pass::join(int layer) {
  const std::size_t before = active_;
  if (joining_.empty()) {
    if (layer == 0) embed(rows("resid", config_.d_model));
    return;
  }
  while (active_ < rows_.size() && joining_[active_].layer == layer) {
    total_ += rows_[active_].count;
    ++active_;
  }
  if (active_ == before) return;
  hooks_.wake(active_);
  const auto resid = rows("resid", config_.d_model);
  if (layer == 0) return embed(resid);
  for (std::size_t b = before; b < active_; ++b) {
    std::copy_n(joining_[b].resid, rows_[b].count * config_.d_model, slice(resid, b).data());
    hooks_.visit_one(b, Site::kResidPost, layer - 1, resid);
  }
}

void Pass::embed(Rows resid) {
  device_.embed(model_.weights.embed, std::span(ids_).first(total_),
                static_cast<float>(config_.embed_scale), resid);
  visit(Site::kEmbed, -1, resid);
  if (!config_.has_learned_positions) return;
  const auto positions = rows("positions", config_.d_model);
  device_.embed(model_.weights.positions, std::span(positions_).first(total_), 1.0F, positions);
  visit(Site::kPosEmbed, -1, positions);
  device_.add(positions, resid);
}

void Pass::block(int layer, Rows resid) {
  const Block& w = model_.weights.blocks[static_cast<std::size_t>(layer)];
  const auto normed = rows("normed", config_.d_model), out = rows("out", config_.d_model);
  // What a part of a parallel block adds waits until both have read the stream.
  const auto mlp_out = config_.is_parallel ? rows("mlp_out", config_.d_model) : out;

  visit(Site::kResidPre, layer, resid);
  if (config_.has_pre_norms)
    norm(config_.norm, w.ln1, resid, normed, layer, {Site::kLn1Scale, Site::kLn1Normalized});
  attention(w, layer, config_.has_pre_norms ? normed : resid, out);
  visit(Site::kAttnRawOut, layer, out);
  if (config_.has_post_norms)
    norm(config_.norm, w.ln1_post, out, out, layer,
         {Site::kLn1PostScale, Site::kLn1PostNormalized});
  if (config_.residual_scale != 1.0) device_.scale(static_cast<float>(config_.residual_scale), out);
  visit(Site::kAttnOut, layer, out);
  if (!config_.is_parallel) {
    device_.add(out, resid);
    visit(Site::kResidMid, layer, resid);
  }

  if (!config_.has_pre_norms) {
    device_.copy(resid, normed);  // an edit of the MLP's input must not reach the stream
  } else if (!config_.has_shared_norm) {
    norm(config_.norm, w.ln2, resid, normed, layer, {Site::kLn2Scale, Site::kLn2Normalized});
  }
  visit(Site::kMlpIn, layer, normed);
  mlp(w, layer, normed, mlp_out);
  visit(Site::kMlpRawOut, layer, mlp_out);
  if (config_.has_post_norms)
    norm(config_.norm, w.ln2_post, mlp_out, mlp_out, layer,
         {Site::kLn2PostScale, Site::kLn2PostNormalized});
  if (config_.residual_scale != 1.0)
    device_.scale(static_cast<float>(config_.residual_scale), mlp_out);
  visit(Site::kMlpOut, layer, mlp_out);
  if (config_.is_parallel) device_.add(out, resid);
  device_.add(mlp_out, resid);
  visit(Site::kResidPost, layer, resid);
}

void Pass::norm(Norm kind, const NormWeights& w, Rows x, Rows y, int layer, NormSites sites,
                std::size_t groups) {
  const auto eps = static_cast<float>(config_.norm_eps);
  const Rows xs = split(x, groups), ys = split(y, groups);
  // Command R+ has a gain for each head: the product then runs over whole rows.
  const bool one_gain = w.gain.size() == xs.extent(1);
  const Rows gained = one_gain ? ys : y;
  if (one_gain && !hooks_.wants(sites.scale, layer) && !hooks_.wants(sites.normalized, layer)) {
    apply_norm(device_, kind, w, eps, xs, ys);
    return;
  }
  if (kind == Norm::kLayer) device_.center_rows(xs, ys);
  const Rows centred = kind == Norm::kLayer ? ys : xs;
  const Buffer scale = device_.allocate(xs.extent(0));
  device_.rms_scale(centred, eps, {scale.data(), scale.size()});
  visit(sites.scale, layer, scale.view<2>({x.extent(0), groups}));
  device_.divide_rows(centred, {scale.data(), scale.size()}, ys);
  visit(sites.normalized, layer, y);
  device_.multiply_columns(gained, w.gain, gained);
  if (!w.bias.empty()) device_.add_columns(w.bias, gained);
}

Tensor Pass::unembed(Rows resid, LogitRows want) {
  const bool hooked = hooks_.wants(Site::kLnFinalScale, -1) ||
                      hooks_.wants(Site::kLnFinalNormalized, -1) ||
                      hooks_.wants(Site::kFinalNorm, -1) || hooks_.wants(Site::kLogits, -1);
  if (want == LogitRows::kNone && !hooked) return Tensor({0, config_.d_vocab});
  // Without hooks here, only the rows that are asked for.
  const bool last_only = want == LogitRows::kLast && !hooked;
  const std::size_t count = last_only ? sequences() : total_;
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
    apply_norm(device_, config_.norm, model_.weights.ln_final, static_cast<float>(config_.norm_eps),
               picked, picked);
  } else {
    norm(config_.norm, model_.weights.ln_final, picked, picked, -1,
         {Site::kLnFinalScale, Site::kLnFinalNormalized});
    visit(Site::kFinalNorm, -1, picked);
  }
  apply_unembed(model_, picked, logits, memory_);
  check_finite(logits);
  visit(Site::kLogits, -1, logits);
  return take_logits(logits, want, last_only);
}

Tensor Pass::take_logits(Rows logits, LogitRows want, bool already_last) {
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

void Pass::check_finite(Rows x) {
  if (hooks_.has_edits()) return;
  const Rows host = device_.map(x);
  for (std::size_t i = 0; i < host.extent(0); ++i) {
    if (kernels::all_finite(host.row(i))) continue;
    check_finite_weights(model_.weights);
    throw Error(model_.origin,
                "activations leave the range of f32, although every weight is finite");
  }
  device_.unmap(x, false);
}

void Pass::visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges) {
  if (!hooks_.wants(site, layer)) return;
  const auto flat = [](const TensorView<float, 3>& e) {
    return Rows(e.data(), {e.extent(0) * e.extent(1), e.extent(2)});
  };
  std::vector<TensorView<float, 3>> mapped;
  for (const auto& e : edges) mapped.emplace_back(device_.map(flat(e)).data(), e.extents());
  hooks_.visit_edges(site, layer, mapped);
  for (const auto& e : edges) device_.unmap(flat(e), true);
}

Pass::Rows Pass::rows(std::string_view name, std::size_t width) {
  for (auto& [known, buffer] : buffers_) {
    if (known == name) return buffer.view<2>({total_, width});
  }
  buffers_.emplace_back(name, device_.allocate(capacity_ * width));
  return buffers_.back().second.view<2>({total_, width});
}

Tensor forward(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
               std::span<KvStore> stores, const HookPlan& plan, ActivationCache& cache,
               LogitRows want, WeightMemory memory) {
  const PassRows rows = pass_rows(tokens, stores);
  HookRuns hooks;
  hooks.add(plan, rows, 0, cache);
  return Pass(model, tokens, stores, rows, std::move(hooks), memory).run(want);
}

Tensor project(const Model::Impl& model, TensorView<const float, 2> resid, WeightMemory memory) {
  const ModelConfig& c = model.config;
  Device& device = *model.device;
  const Buffer normed_buffer = device.allocate(resid.size());
  const auto normed = normed_buffer.view<2>({resid.extent(0), c.d_model});
  apply_norm(device, c.norm, model.weights.ln_final, static_cast<float>(c.norm_eps), resid, normed);
  Tensor logits = Tensor::uninitialized({resid.extent(0), c.d_vocab});
  apply_unembed(model, normed, logits.view<2>(), memory);
  return logits;
}

}  // namespace cutaway
