#include "model/reach.h"

#include <algorithm>

namespace cutaway {
namespace {

/// The layer at whose beginning a sequence must join for the point to be passed. The stream that
/// leaves a layer is passed on joining the next.
int joining_layer(HookPoint point, int n_layers) noexcept {
  if (point.site() == Site::kEmbed || point.site() == Site::kPosEmbed) return 0;
  if (point.layer() < 0) return n_layers;
  return point.site() == Site::kResidPost ? point.layer() + 1 : point.layer();
}

}  // namespace

Reach reach_of(const HookPlan& plan, std::size_t length) {
  Reach reach{plan.dims().n_layers, length};
  if (!plan.has_edits()) return reach;
  for (HookPoint point : plan.points()) {
    const PointPlan& at = *plan.find(point.site(), point.layer(), point.expert());
    // Scores before the mask look ahead: every row sees the keys that changed.
    if (point.site() == Site::kScores) reach.pos = 0;
    for (const PlannedEdit& planned : at.edits) {
      reach.layer = std::min(reach.layer, joining_layer(point, plan.dims().n_layers));
      // A user function gets whole arrays.
      const bool all = planned.edit->kind == EditKind::kCall || planned.edit->pos.is_all();
      const auto positions =
          all ? std::vector<std::size_t>{0} : planned.edit->pos.resolve(length, point.name());
      for (std::size_t p : positions) reach.pos = std::min(reach.pos, p);
    }
  }
  return reach;
}

bool is_reached(HookPoint point, const Reach& reach) noexcept {
  const bool outer = point.layer() < 0;
  if (outer && (point.site() == Site::kEmbed || point.site() == Site::kPosEmbed))
    return reach.layer == 0;
  if (outer) return true;
  return point.layer() >= reach.layer ||
         (point.site() == Site::kResidPost && point.layer() + 1 == reach.layer);
}

}  // namespace cutaway
