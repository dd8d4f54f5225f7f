#include <algorithm>

#include "hooks/plan.h"

namespace cutaway {

void HookRuns::add(const HookPlan& plan, PassRows rows, std::size_t first, ActivationCache& cache) {
  const std::size_t count = rows.size();
  parts_.push_back({HookRun(plan, std::move(rows), cache), first, count});
  awake_ = parts_.size();
}

bool HookRuns::wants(Site site, int layer, int expert) const noexcept {
  return std::ranges::any_of(awake(),
                             [&](const Part& p) { return p.run.wants(site, layer, expert); });
}

bool HookRuns::wants_of(std::size_t b, Site site, int layer) const noexcept {
  // Parts follow each other: the last that begins at or before `b`.
  const auto parts = awake();
  const auto after = std::ranges::upper_bound(parts, b, {}, &Part::first);
  return after != parts.begin() && std::prev(after)->run.wants(site, layer);
}

bool HookRuns::has_edits() const noexcept {
  return std::ranges::any_of(parts_, [](const Part& p) { return p.run.plan().has_edits(); });
}

bool HookRuns::has_edits_at(Site site, int layer) const noexcept {
  return std::ranges::any_of(awake(), [&](const Part& p) {
    const PointPlan* point = p.run.plan().find(site, layer);
    return point != nullptr && !point->edits.empty();
  });
}

void HookRuns::visit(Site site, int layer, TensorView<float, 2> rows, int expert) {
  for (Part& p : awake()) {
    if (p.run.wants(site, layer, expert)) p.run.visit(site, layer, rows, expert);
  }
}

void HookRuns::visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges) {
  for (Part& p : awake()) {
    if (p.run.wants(site, layer)) p.run.visit_edges(site, layer, edges.subspan(p.first, p.count));
  }
}

void HookRuns::visit_one(std::size_t run, Site site, int layer, TensorView<float, 2> rows) {
  if (parts_[run].run.wants(site, layer)) parts_[run].run.visit(site, layer, rows);
}

}  // namespace cutaway
