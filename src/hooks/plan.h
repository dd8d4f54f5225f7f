// A HookSpec made ready for one model and one batch: every name resolved, every shape and position
// checked, before any work is done.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <cutaway/hooks.h>
#include <cutaway/tensor.h>

namespace cutaway {

/// The part of a sequence that a pass computes: positions [past, past + count), in rows [first_row,
/// first_row + count) of the packed activations.
struct SequenceRows {
  std::size_t sequence;  ///< its place in the batch that the plan was made for
  std::size_t first_row;
  std::size_t count;
  std::size_t past;
  std::size_t length() const noexcept { return past + count; }
};
using PassRows = std::vector<SequenceRows>;

/// Where an edit's value lies: an offset for each of batch row, position and head; a stride of 0
/// broadcasts.
struct ValueLayout {
  const float* data = nullptr;
  std::size_t batch_stride = 0, pos_stride = 0, head_stride = 0;
  bool has_pos_axis = false;
  bool pos_is_absolute =
      false;             ///< the value covers whole sequences, so a position indexes it directly
  std::size_t keys = 0;  ///< score sites: extent of the key axis
};

/// An edit at one hook point.
struct PlannedEdit {
  const Edit* edit = nullptr;
  ValueLayout value = {};
  std::shared_ptr<const Tensor> owned = {};  ///< the mean's result
  /// For each sequence, the positions when they are fixed for the whole run (the value has a
  /// position axis); otherwise empty.
  std::vector<std::vector<std::size_t>> fixed = {};
};

struct PointPlan {
  bool capture_before = false;
  bool capture_after = false;
  std::vector<PlannedEdit> edits;
};

class HookPlan {
 public:
  /// `lengths`: tokens of each sequence now. `horizon`: how many more each may get (generation); a
  /// position is refused only if no step can reach it. throws UnknownNameError, ArgumentError,
  /// ShapeError.
  HookPlan(const HookSpec& spec, const HookDims& dims, std::span<const std::size_t> lengths,
           std::size_t horizon);

  bool empty() const noexcept { return points_.empty(); }
  bool has_edits() const noexcept { return has_edits_; }
  const HookDims& dims() const noexcept { return dims_; }
  /// Every point that something happens at.
  std::vector<HookPoint> points() const;
  /// nullptr if nothing happens at the point. Cheap: the forward pass asks at every site.
  const PointPlan* find(Site site, int layer, int expert = -1) const noexcept {
    return points_.empty() ? nullptr : points_[slot(site, layer, expert)].get();
  }

 private:
  /// A row of slots a layer (the first for the points outside blocks): the sites, then the experts'
  /// three.
  std::size_t slot(Site site, int layer, int expert) const noexcept {
    const std::size_t row =
        static_cast<std::size_t>(layer + 1) * (kSiteCount + 3 * dims_.n_experts);
    if (expert < 0) return row + static_cast<std::size_t>(site);
    const auto kind = static_cast<std::size_t>(site) - static_cast<std::size_t>(Site::kExpertPre);
    return row + kSiteCount + kind * dims_.n_experts + static_cast<std::size_t>(expert);
  }
  std::vector<HookPoint> match(std::string_view where) const;
  PointPlan& at(HookPoint point);
  void plan_edit(const Edit& edit, HookPoint point, std::span<const std::size_t> lengths,
                 std::size_t horizon);

  HookDims dims_;
  HookSpec spec_;  // the plan's edits point into this copy
  bool has_edits_ = false;
  std::vector<std::unique_ptr<PointPlan>> points_;
};

/// Runs a plan: the forward pass calls one of these at each site that the plan mentions. Order at a
/// site: before-captures, edits as given, after-captures.
class HookRun {
 public:
  HookRun(const HookPlan& plan, PassRows rows, ActivationCache& cache)
      : plan_(plan), rows_(std::move(rows)), cache_(cache) {}

  bool wants(Site site, int layer, int expert = -1) const noexcept {
    return plan_.find(site, layer, expert) != nullptr;
  }
  const HookPlan& plan() const noexcept { return plan_; }

  /// A site of shape [batch, pos, ...rest]: packed rows of all sequences, each row the flattened
  /// rest.
  void visit(Site site, int layer, TensorView<float, 2> rows, int expert = -1);
  /// A site of shape [batch, head, q_pos, k_pos]: one [head, query, key] array a sequence,
  /// contiguous.
  void visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges);

 private:
  const HookPlan& plan_;
  PassRows rows_;
  ActivationCache& cache_;
};

/// What happens at the sites of one pass: a run for all its sequences, or one for each of several
/// variants that share the pass. The last ones may sleep: their sequences join at a later layer.
class HookRuns {
 public:
  /// `first`: the place of the run's first sequence among those of the pass.
  void add(const HookPlan& plan, PassRows rows, std::size_t first, ActivationCache& cache);
  void wake(std::size_t count) noexcept { awake_ = count; }

  bool wants(Site site, int layer, int expert = -1) const noexcept;
  /// Whether the run of sequence `b` of the pass does.
  bool wants_of(std::size_t b, Site site, int layer) const noexcept;
  bool has_edits() const noexcept;
  bool has_edits_at(Site site, int layer) const noexcept;
  void visit(Site site, int layer, TensorView<float, 2> rows, int expert = -1);
  /// One array a sequence of the pass.
  void visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges);
  /// The run of one sequence alone.
  void visit_one(std::size_t run, Site site, int layer, TensorView<float, 2> rows);

 private:
  struct Part {
    HookRun run;
    std::size_t first, count;  ///< its sequences
  };
  std::span<Part> awake() noexcept { return std::span(parts_).first(awake_); }
  std::span<const Part> awake() const noexcept { return std::span(parts_).first(awake_); }
  std::vector<Part> parts_;
  std::size_t awake_ = 0;
};

}  // namespace cutaway
