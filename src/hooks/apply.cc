// What happens at a site: before-captures, edits in the order given, after-captures.
#include <algorithm>
#include <limits>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "hooks/plan.h"

namespace cutaway {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();

/// A position of a sequence that this pass computes, and its place in the list of selected
/// positions.
struct Hit {
  std::size_t pos;
  std::size_t ordinal;
};

/// The selected positions that lie in this pass. Positions of other steps are left out: they fire
/// there.
std::vector<Hit> hits(const Positions& pos, const std::vector<std::size_t>* fixed,
                      const SequenceRows& rows) {
  std::vector<Hit> out;
  const auto in_pass = [&](std::size_t p) { return p >= rows.past && p < rows.length(); };
  if (fixed != nullptr) {
    for (std::size_t i = 0; i < fixed->size(); ++i) {
      if (in_pass((*fixed)[i])) out.push_back({(*fixed)[i], i});
    }
    return out;
  }
  const std::vector<std::size_t> now = pos.resolve_present(rows.length());
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (in_pass(now[i])) out.push_back({now[i], i});
  }
  return out;
}

const std::vector<std::size_t>* fixed_of(const PlannedEdit& planned, std::size_t sequence) {
  return planned.fixed.empty() ? nullptr : &planned.fixed[sequence];
}

const float* value_at(const ValueLayout& v, std::size_t sequence, Hit hit, std::size_t head) {
  return v.data + sequence * v.batch_stride +
         (v.pos_is_absolute ? hit.pos : hit.ordinal) * v.pos_stride + head * v.head_stride;
}

void edit_in_place(const Edit& edit, std::span<float> x) {
  if (edit.kind == EditKind::kZero) std::fill(x.begin(), x.end(), 0.0F);
  if (edit.kind == EditKind::kKnockout) std::fill(x.begin(), x.end(), kMasked);
  if (edit.kind == EditKind::kScale) {
    // A masked score stays masked: -inf times 0 or a negative factor would be NaN or +inf.
    for (float& f : x) {
      if (f != kMasked) f *= edit.factor;
    }
  }
}

/// `value` has as many numbers as `x`.
void edit_with_value(const Edit& edit, const float* value, std::span<float> x) {
  if (edit.kind == EditKind::kAdd) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += edit.factor * value[i];
  } else {  // replace, or the mean that the plan has computed
    std::copy_n(value, x.size(), x.begin());
  }
}

std::size_t longest(const PassRows& rows, std::size_t SequenceRows::*field) {
  std::size_t n = 0;
  for (const SequenceRows& r : rows) n = std::max(n, r.*field);
  return n;
}

std::vector<std::size_t> lengths_of(const PassRows& rows) {
  std::vector<std::size_t> out;
  for (const SequenceRows& r : rows) out.push_back(r.count);
  return out;
}

/// Packed rows → [batch, pos, ...rest], zero past each row's own length.
Tensor gather(Site site, const HookDims& dims, const PassRows& pass,
              TensorView<const float, 2> rows) {
  const SiteInfo& info = site_info(site);
  const std::size_t longest_count = longest(pass, &SequenceRows::count);
  std::vector<std::size_t> shape{pass.size(), longest_count};
  for (std::size_t i = 2; i < info.axes.size(); ++i)
    shape.push_back(axis_extent(info.axes[i], dims));
  const std::size_t width = rows.extent(1);
  Tensor out = Tensor::uninitialized(std::move(shape));
  for (std::size_t b = 0; b < pass.size(); ++b) {
    float* to = out.data() + b * longest_count * width;
    for (std::size_t i = 0; i < pass[b].count; ++i) {
      const auto row = rows.row(pass[b].first_row + i);
      to = std::copy(row.begin(), row.end(), to);
    }
    std::fill_n(to, (longest_count - pass[b].count) * width, 0.0F);
  }
  return out;
}

void scatter(const PassRows& pass, const Tensor& from, TensorView<float, 2> rows) {
  const std::size_t longest_count = from.extent(1), width = rows.extent(1);
  for (std::size_t b = 0; b < pass.size(); ++b) {
    for (std::size_t i = 0; i < pass[b].count; ++i) {
      std::copy_n(from.data() + (b * longest_count + i) * width, width,
                  rows.row(pass[b].first_row + i).begin());
    }
  }
}

/// Per-sequence [head, query, key] → [batch, head, q_pos, k_pos].
Tensor gather_edges(const PassRows& pass, std::span<const TensorView<float, 3>> edges) {
  const std::size_t heads = edges[0].extent(0);
  std::size_t queries = 0, keys = 0;
  for (const auto& e : edges) {
    queries = std::max(queries, e.extent(1));
    keys = std::max(keys, e.extent(2));
  }
  Tensor out({pass.size(), heads, queries, keys});
  auto view = out.view<4>();
  for (std::size_t b = 0; b < pass.size(); ++b) {
    for (std::size_t h = 0; h < heads; ++h) {
      for (std::size_t q = 0; q < edges[b].extent(1); ++q) {
        std::copy_n(&edges[b](h, q, 0), edges[b].extent(2), &view(b, h, q, 0));
      }
    }
  }
  return out;
}

void scatter_edges(Tensor& from, std::span<const TensorView<float, 3>> edges) {
  auto view = from.view<4>();
  for (std::size_t b = 0; b < edges.size(); ++b) {
    for (std::size_t h = 0; h < edges[b].extent(0); ++h) {
      for (std::size_t q = 0; q < edges[b].extent(1); ++q) {
        std::copy_n(&view(b, h, q, 0), edges[b].extent(2), &edges[b](h, q, 0));
      }
    }
  }
}

void call_checked(const Edit& edit, HookPoint point, Tensor& value, const PassRows& pass) {
  const std::vector<std::size_t> shape = value.shape();
  const std::vector<std::size_t> lengths = lengths_of(pass);
  edit.fn(value, {.point = point, .first_pos = pass[0].past, .lengths = lengths});
  if (value.shape() != shape) {
    throw ShapeError(point.name(), fmt::format("the function left shape {}, expected {}",
                                               shape_string(value.shape()), shape_string(shape)));
  }
}

void edit_rows(const PlannedEdit& planned, Site site, const HookDims& dims, const PassRows& pass,
               TensorView<float, 2> rows) {
  const Edit& edit = *planned.edit;
  std::size_t begin = 0, width = rows.extent(1);
  if (edit.head) {
    width /= axis_extent(site_info(site).axes[2], dims);  // the heads' axis, or the experts'
    begin = static_cast<std::size_t>(*edit.head) * width;
  }
  for (std::size_t b = 0; b < pass.size(); ++b) {
    for (Hit hit : hits(edit.pos, fixed_of(planned, pass[b].sequence), pass[b])) {
      const auto row = rows.row(pass[b].first_row + hit.pos - pass[b].past);
      const auto part = row.subspan(begin, width);
      if (planned.value.data == nullptr) {
        edit_in_place(edit, part);
      } else {
        edit_with_value(edit, value_at(planned.value, pass[b].sequence, hit, 0), part);
      }
    }
  }
}

void edit_edges(const PlannedEdit& planned, const PassRows& pass,
                std::span<const TensorView<float, 3>> edges) {
  const Edit& edit = *planned.edit;
  for (std::size_t b = 0; b < pass.size(); ++b) {
    const std::size_t heads = edges[b].extent(0), keys = edges[b].extent(2);
    const std::size_t first = edit.head ? static_cast<std::size_t>(*edit.head) : 0;
    const std::size_t last = edit.head ? first + 1 : heads;
    const std::vector<Hit> queries = hits(edit.pos, fixed_of(planned, pass[b].sequence), pass[b]);
    const std::vector<std::size_t> cut = edit.kind == EditKind::kKnockout
                                             ? edit.key.resolve_present(keys)
                                             : std::vector<std::size_t>{};
    for (std::size_t h = first; h < last; ++h) {
      for (Hit hit : queries) {
        const std::span<float> row(&edges[b](h, hit.pos - pass[b].past, 0), keys);
        if (edit.kind == EditKind::kKnockout) {
          for (std::size_t k : cut) row[k] = kMasked;
        } else if (planned.value.data == nullptr) {
          edit_in_place(edit, row);
        } else {
          edit_with_value(edit, value_at(planned.value, pass[b].sequence, hit, h),
                          row.first(std::min(keys, planned.value.keys)));
        }
      }
    }
  }
}

}  // namespace

void HookRun::visit(Site site, int layer, TensorView<float, 2> rows, int expert) {
  const PointPlan* point = plan_.find(site, layer, expert);
  if (point == nullptr) return;
  const HookPoint where(site, layer, expert);
  if (point->capture_before)
    cache_.store(where, When::kBefore, gather(site, plan_.dims(), rows_, rows));
  for (const PlannedEdit& planned : point->edits) {
    if (planned.edit->kind == EditKind::kCall) {
      Tensor value = gather(site, plan_.dims(), rows_, rows);
      call_checked(*planned.edit, where, value, rows_);
      scatter(rows_, value, rows);
    } else {
      edit_rows(planned, site, plan_.dims(), rows_, rows);
    }
  }
  if (point->capture_after)
    cache_.store(where, When::kAfter, gather(site, plan_.dims(), rows_, rows));
}

void HookRun::visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges) {
  const PointPlan* point = plan_.find(site, layer);
  if (point == nullptr) return;
  const HookPoint where(site, layer);
  if (point->capture_before) cache_.store(where, When::kBefore, gather_edges(rows_, edges));
  for (const PlannedEdit& planned : point->edits) {
    if (planned.edit->kind == EditKind::kCall) {
      Tensor value = gather_edges(rows_, edges);
      call_checked(*planned.edit, where, value, rows_);
      scatter_edges(value, edges);
    } else {
      edit_edges(planned, rows_, edges);
    }
  }
  if (point->capture_after) cache_.store(where, When::kAfter, gather_edges(rows_, edges));
}

}  // namespace cutaway
