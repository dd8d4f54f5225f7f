// One pass over new positions of some sequences.
#pragma once

#include <span>
#include <vector>

#include <cutaway/model.h>

#include "hooks/plan.h"
#include "model/kv_store.h"
#include "model/memory.h"
#include "model/model_impl.h"

namespace cutaway {

/// Runs `tokens` (the new tokens of each sequence) after what `stores` already hold, and advances
/// the stores. returns logits [total rows, d_vocab] of all rows, of each sequence's last row, or of
/// none.
///
/// Every row's numbers are those of running its sequence alone in one pass: products, norms and
/// attention sum in an order that depends on the row alone.
Tensor forward(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
               std::span<KvStore> stores, const HookPlan& plan, ActivationCache& cache,
               LogitRows want, WeightMemory memory = WeightMemory::kKept);

/// Where the new tokens of each sequence lie in a pass; sequences without new tokens take no part.
PassRows pass_rows(std::span<const std::span<const TokenId>> tokens,
                   std::span<const KvStore> stores);

/// Residual rows through the final norm, W_U and the final soft cap, without hooks.
Tensor project(const Model::Impl& model, TensorView<const float, 2> resid,
               WeightMemory memory = WeightMemory::kKept);

}  // namespace cutaway
