// MLP of a pass: plain, gated, or a mixture of experts.
#include <algorithm>
#include <cmath>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "kernels/elementwise.h"
#include "model/pass.h"

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
    case Act::kRelu:
      return Activation::kRelu;
  }
  return Activation::kSilu;
}

constexpr float kNoExpert = -1.0F;  // a slot of a position that has fewer experts left than slots

/// The chosen experts, best first; the lower number of equals. An expert with score -inf is never
/// chosen.
void choose(std::span<const float> logits, std::span<float> slots) {
  std::vector<std::size_t> best;
  kernels::top_k(logits, slots.size(), best);
  std::ranges::fill(slots, kNoExpert);
  std::size_t slot = 0;
  for (std::size_t e : best) {
    if (logits[e] > -HUGE_VALF) slots[slot++] = static_cast<float>(e);
  }
}

/// Puts the weight of each chosen expert in its column; the others are 0.
void weigh(std::span<const float> logits, std::span<const float> slots, bool normalize,
           std::span<float> weights) {
  std::vector<float> probability(logits.begin(), logits.end());
  kernels::softmax(probability);
  std::ranges::fill(weights, 0.0F);
  float sum = 0.0F;
  for (float slot : slots) {
    if (slot == kNoExpert) continue;
    const auto e = static_cast<std::size_t>(slot);
    weights[e] = probability[e];
    sum += probability[e];
  }
  if (!normalize || sum == 0.0F) return;
  for (float& weight : weights) weight /= sum;
}

/// What an edit may have put there.
void check_slots(std::span<const float> slots, std::size_t n_experts, int layer) {
  const std::string name = HookPoint(Site::kExpertIndices, layer).name();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const float e = slots[i];
    if (e == kNoExpert) continue;
    if (!(e >= 0.0F && e < static_cast<float>(n_experts)) || e != std::floor(e)) {
      throw ArgumentError(name, fmt::format("expert {}, expected whole numbers from 0 to {} (or -1 "
                                            "for none)",
                                            e, n_experts - 1));
    }
    if (std::ranges::find(slots.first(i), e) != slots.begin() + static_cast<std::ptrdiff_t>(i))
      throw ArgumentError(name, fmt::format("expert {} twice at one position", e));
  }
}

}  // namespace

void Pass::mlp(const Block& w, int layer, Rows x, Rows out) {
  if (w.experts.empty()) {
    neurons(w.mlp, x, config_.d_mlp, layer, {Site::kMlpPre, Site::kMlpPreLinear, Site::kMlpPost},
            {}, out);
  } else {
    mixture(w, layer, x, out);
  }
}

/// out = W_down act(W_gate x) ⊙ (W_up x), or W_down act(W_up x). `rows_of_x`: which rows of the
/// pass x holds, if not all (an expert's).
void Pass::neurons(const MlpWeights& w, Rows x, std::size_t width, int layer, const MlpSites& sites,
                   std::span<const std::size_t> rows_of_x, Rows out) {
  const bool is_gated = w.gate.weight.rows > 0;
  const auto first = [&](std::string_view name) {
    return slice_rows(rows(name, width), 0, x.extent(0));
  };
  const bool is_expert = sites.expert >= 0;
  const auto hook = [&](Site site, Rows values) {
    if (is_expert) {
      visit_some(site, layer, sites.expert, rows_of_x, values);
    } else {
      visit(site, layer, values);
    }
  };
  // Experts and dense layers differ in width, so each kind has buffers of its own.
  const bool is_shared = sites.pre == Site::kSharedPre;
  const Rows pre = first(is_expert ? "expert_pre" : is_shared ? "shared_pre" : "pre");
  if (is_gated) {
    const Rows up = first(is_expert ? "expert_up" : is_shared ? "shared_up" : "up");
    const Product products[] = {{w.gate.weight, w.gate.bias, pre}, {w.up.weight, w.up.bias, up}};
    device_.linear(x, products);
    hook(sites.pre, pre);
    hook(sites.pre_linear, up);
    device_.activate(activation_of(config_.act), pre, pre);
    device_.multiply(up, pre);
  } else {
    device_.linear(x, std::array{Product{w.up.weight, w.up.bias, pre}});
    hook(sites.pre, pre);
    device_.activate(activation_of(config_.act), pre, pre);
  }
  hook(sites.post, pre);
  device_.linear(pre, std::array{Product{w.down.weight, w.down.bias, out}});
}

/// A site that only some rows of the pass reach: the others are 0, and what is done to them has no
/// effect.
void Pass::visit_some(Site site, int layer, int expert, std::span<const std::size_t> rows_of_x,
                      Rows some) {
  if (!hooks_.wants(site, layer, expert)) return;
  Tensor all({total_, some.extent(1)});
  const auto view = all.view<2>();
  const Rows host = device_.map(some);
  for (std::size_t i = 0; i < rows_of_x.size(); ++i)
    std::ranges::copy(host.row(i), view.row(rows_of_x[i]).begin());
  hooks_.visit(site, layer, view, expert);
  for (std::size_t i = 0; i < rows_of_x.size(); ++i)
    std::ranges::copy(view.row(rows_of_x[i]), host.row(i).begin());
  device_.unmap(some, true);
}

/// Shazeer et al. 2017, Jiang et al. 2024: router, choice, weights. returns [rows, expert].
Pass::Rows Pass::route(const Block& w, int layer, Rows x) {
  const MoeConfig& moe = config_.moe;
  const Rows logits = rows("router_logits", moe.n_experts);
  const Rows slots = rows("expert_indices", moe.experts_per_token);
  const Rows weights = rows("expert_weights", moe.n_experts);
  device_.linear(x, std::array{Product{w.router, {}, logits}});
  visit(Site::kRouterLogits, layer, logits);
  const Rows host_logits = device_.map(logits), host_slots = device_.map(slots),
             host_weights = device_.map(weights);
  for (std::size_t i = 0; i < total_; ++i) choose(host_logits.row(i), host_slots.row(i));
  device_.unmap(slots, true);
  visit(Site::kExpertIndices, layer, slots);
  for (std::size_t i = 0; i < total_; ++i) {
    check_slots(host_slots.row(i), moe.n_experts, layer);
    weigh(host_logits.row(i), host_slots.row(i), moe.normalize_weights, host_weights.row(i));
  }
  device_.unmap(logits, false);
  device_.unmap(weights, true);
  visit(Site::kExpertWeights, layer, weights);
  return weights;
}

void Pass::mixture(const Block& w, int layer, Rows x, Rows out) {
  const Rows weights = device_.map(route(w, layer, x));
  const auto used = rows("expert_in", config_.d_model), made = rows("expert_out", config_.d_model);
  const Rows host_out = device_.map(out);
  for (std::size_t i = 0; i < total_; ++i) std::ranges::fill(host_out.row(i), 0.0F);
  device_.unmap(out, true);
  // Experts in ascending order, so that a row's sum does not depend on the other rows.
  for (std::size_t e = 0; e < w.experts.size(); ++e) {
    std::vector<std::size_t> members;
    std::vector<float> factors;
    for (std::size_t i = 0; i < total_; ++i) {
      if (weights(i, e) == 0.0F) continue;
      members.push_back(i);
      factors.push_back(weights(i, e));
    }
    const MlpSites sites{Site::kExpertPre, Site::kExpertPreLinear, Site::kExpertPost,
                         static_cast<int>(e)};
    if (members.empty()) {
      // Nobody uses it: a capture still gets its zeros.
      const Rows none = slice_rows(rows("expert_pre", config_.moe.d_expert), 0, 0);
      for (Site site : {sites.pre, sites.pre_linear, sites.post})
        visit_some(site, layer, sites.expert, {}, none);
      continue;
    }
    const Rows in = slice_rows(used, 0, members.size()), y = slice_rows(made, 0, members.size());
    device_.gather_rows(x, members, in);
    neurons(w.experts[e], in, config_.moe.d_expert, layer, sites, members, y);
    device_.add_scaled_rows(y, members, factors, out);
  }
  if (config_.moe.d_shared_expert > 0) shared_expert(w, layer, x, out);
}

/// Qwen-MoE: an expert that every position uses, weighted by a gate of its own.
void Pass::shared_expert(const Block& w, int layer, Rows x, Rows out) {
  const Rows gate = rows("shared_gate", 1), made = rows("expert_out", config_.d_model);
  neurons(w.shared_expert, x, config_.moe.d_shared_expert, layer,
          {Site::kSharedPre, Site::kSharedPreLinear, Site::kSharedPost}, {}, made);
  device_.linear(x, std::array{Product{w.shared_gate, {}, gate}});
  const Rows host = device_.map(gate);
  for (std::size_t i = 0; i < total_; ++i) {
    const auto g = static_cast<double>(host(i, 0));
    host(i, 0) = static_cast<float>(1.0 / (1.0 + std::exp(-g)));
  }
  device_.unmap(gate, true);
  visit(Site::kSharedGate, layer, gate);
  device_.multiply_rows({gate.data(), total_}, made);
  device_.add(made, out);
}

}  // namespace cutaway
