// What an edit can change: nothing before its layer, and nothing before its position.
#pragma once

#include <cstddef>
#include <string>

#include "hooks/plan.h"

namespace cutaway {

/// The first layer and position that a plan's edits reach. Positions below `pos` keep their values
/// in every layer (attention looks back only), and so do all positions in layers below `layer`.
struct Reach {
  int layer;        ///< 0 to n_layers; n_layers: only what follows the blocks
  std::size_t pos;  ///< up to `length`: no edit at all
};

/// For one sequence of `length` tokens.
Reach reach_of(const HookPlan& plan, std::size_t length);

/// Whether the value at the point can differ from a clean run's at positions from `reach.pos` on.
bool is_reached(HookPoint point, const Reach& reach) noexcept;

}  // namespace cutaway
