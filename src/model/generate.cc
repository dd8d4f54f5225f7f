#include <algorithm>
#include <utility>

#include <cutaway/error.h>
#include <cutaway/model.h>
#include <fmt/format.h>

#include "model/forward.h"
#include "model/model_impl.h"
#include "model/sampling.h"

namespace cutaway {
namespace {

using Batch = std::vector<std::vector<TokenId>>;

void check_request(const Model::Impl& m, const Batch& batch, const HookSpec& hooks,
                   const GenerateOptions& options) {
  check_tokens(m, batch);
  check_sampling(options);
  if (!hooks.captures().empty()) {
    throw ArgumentError(
        "capture", "generate keeps no activations; run the tokens that it returns to see them");
  }
  for (std::size_t b = 0; b < batch.size(); ++b) {
    const std::size_t room = m.config.n_ctx - batch[b].size();
    if (options.max_new_tokens > room) {
      throw ArgumentError(
          "max_new_tokens",
          fmt::format("{} after a prompt of {} tokens, but the context of this model holds {}",
                      options.max_new_tokens, batch[b].size(), m.config.n_ctx));
    }
  }
}

std::vector<KvStore> make_stores(const Model::Impl& m, const Batch& batch, std::size_t slots,
                                 std::size_t extra) {
  std::vector<KvStore> stores;
  for (const auto& tokens : batch)
    stores.emplace_back(*m.device, slots, m.config.n_kv_heads, m.config.d_head,
                        tokens.size() + extra);
  return stores;
}

}  // namespace

std::vector<std::vector<TokenId>> Model::generate(const Batch& batch, const HookSpec& hooks,
                                                  GenerateOptions options) const {
  const Impl& m = *impl_;
  check_request(m, batch, hooks, options);
  std::vector<std::size_t> lengths;
  for (const auto& tokens : batch) lengths.push_back(tokens.size());
  const HookPlan plan(hooks, m.config.hook_dims(), lengths, options.max_new_tokens);

  const std::size_t kept = options.recompute ? 1 : static_cast<std::size_t>(m.config.n_layers);
  // Recomputing, and rotations that follow the length, run the whole text in one pass.
  std::vector<std::size_t> widest = lengths;
  if (options.recompute || m.config.rope.changes_between(1, m.config.n_ctx)) {
    for (std::size_t& length : widest) length += options.max_new_tokens;
  }
  const WeightMemory memory =
      check_memory(m, memory_use(m, widest, options.max_new_tokens, kept, plan, LogitRows::kLast));

  Batch rows = batch;
  std::vector<bool> done(rows.size(), false);
  std::vector<RandomStream> random;
  for (std::size_t b = 0; b < rows.size(); ++b) random.emplace_back(options.seed, b);
  // With the cache a slot a layer, kept for the whole text; without it one slot that every pass
  // overwrites.
  std::vector<KvStore> stores = make_stores(m, rows, kept, options.max_new_tokens);
  ActivationCache none;

  for (std::size_t step = 0; step < options.max_new_tokens; ++step) {
    std::vector<std::span<const TokenId>> fresh(rows.size());  // empty for rows that have ended
    std::vector<std::size_t> active;
    for (std::size_t b = 0; b < rows.size(); ++b) {
      if (done[b]) continue;
      // Frequencies that follow the text's length turn every key anew.
      const bool turned = m.config.rope.changes_between(stores[b].length, rows[b].size()) ||
                          m.config.rope_local.changes_between(stores[b].length, rows[b].size());
      if (options.recompute || turned) stores[b].length = 0;
      fresh[b] = std::span(rows[b]).subspan(stores[b].length);
      active.push_back(b);
    }
    if (active.empty()) break;
    const Tensor logits = forward(m, fresh, stores, plan, none, LogitRows::kLast, memory);
    for (std::size_t i = 0; i < active.size(); ++i) {
      const std::size_t b = active[i];
      const TokenId id = choose_token(logits.view<2>().row(i), options, random[b]);
      rows[b].push_back(id);
      done[b] =
          options.stop_at_eos && std::ranges::find(m.config.eos_ids, id) != m.config.eos_ids.end();
      if (options.on_token) options.on_token(b, id);
    }
    m.runtime.report("token", step + 1, options.max_new_tokens);
  }
  return rows;
}

}  // namespace cutaway
