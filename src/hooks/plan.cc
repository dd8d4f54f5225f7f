#include "hooks/plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "base/names.h"

namespace cutaway {
namespace {

bool is_edge_site(Site site) noexcept {
  return site == Site::kScores || site == Site::kAttnScores || site == Site::kPattern;
}

/// The site's axes after batch and position, as numbers.
std::vector<std::size_t> rest_extents(Site site, const HookDims& dims) {
  std::vector<std::size_t> out;
  const SiteInfo& info = site_info(site);
  for (std::size_t i = 2; i < info.axes.size(); ++i) out.push_back(axis_extent(info.axes[i], dims));
  return out;
}

std::optional<std::size_t> head_count(Site site, const HookDims& dims) {
  for (Axis axis : site_info(site).axes) {
    const bool groups = axis == Axis::kQGroup || axis == Axis::kKGroup;
    if (axis == Axis::kHead || axis == Axis::kKvHead || axis == Axis::kExpert ||
        (groups && dims.qk_norm_is_per_head))
      return axis_extent(axis, dims);
  }
  return std::nullopt;
}

void check_kind(const Edit& edit, HookPoint point) {
  const std::string name = point.name();
  if (edit.kind == EditKind::kKnockout && point.site() != Site::kAttnScores &&
      point.site() != Site::kRouterLogits) {
    throw ArgumentError(
        name,
        fmt::format("knockout acts on scores after cap and mask or on a router's, expected a "
                    "hook that ends in '{}' or '{}'",
                    site_info(Site::kAttnScores).suffix, site_info(Site::kRouterLogits).suffix));
  }
  if (edit.kind == EditKind::kMean && is_edge_site(point.site())) {
    throw ArgumentError(
        name, "mean has no meaning on attention edges, expected replace with an averaged array");
  }
  if (edit.kind == EditKind::kCall && !edit.fn)
    throw ArgumentError(name, "call without a function");
  const bool needs_value = edit.kind == EditKind::kAdd || edit.kind == EditKind::kReplace ||
                           edit.kind == EditKind::kMean;
  if (needs_value && !edit.value)
    throw ArgumentError(name, fmt::format("{} without a value", edit_kind_name(edit.kind)));
}

void check_head(const Edit& edit, HookPoint point, const HookDims& dims) {
  if (!edit.head) return;
  const auto heads = head_count(point.site(), dims);
  if (!heads)
    throw ArgumentError(point.name(),
                        fmt::format("head {} given, but the point has no head axis", *edit.head));
  if (edit.kind == EditKind::kCall)
    throw ArgumentError(point.name(), "call acts on the whole array, expected no head");
  if (*edit.head < 0 || static_cast<std::size_t>(*edit.head) >= *heads) {
    throw ArgumentError(point.name(),
                        fmt::format("head {}, expected 0 to {}", *edit.head, *heads - 1));
  }
}

/// Positions of one sequence that some step can reach; throws if there are none or a listed one
/// never exists.
std::vector<std::size_t> reachable(const Positions& pos, std::size_t length, std::size_t horizon,
                                   const std::string& what) {
  if (horizon == 0) return pos.resolve(length, what);
  return pos.resolve(length + horizon, what);
}

std::size_t product(std::span<const std::size_t> extents) {
  std::size_t n = 1;
  for (std::size_t e : extents) n *= e;
  return n;
}

bool ends_with(std::span<const std::size_t> shape, std::span<const std::size_t> tail) {
  return shape.size() >= tail.size() &&
         std::equal(tail.begin(), tail.end(),
                    shape.end() - static_cast<std::ptrdiff_t>(tail.size()));
}

/// Mean over every axis before the site's own, in f64.
std::shared_ptr<const Tensor> mean_over_leading(const Tensor& data,
                                                std::span<const std::size_t> rest,
                                                const std::string& name) {
  if (!ends_with(data.shape(), rest)) {
    throw ShapeError(name, fmt::format("mean of an array of shape {}, expected one that ends in {}",
                                       shape_string(data.shape()), shape_string(rest)));
  }
  const std::size_t width = product(rest);
  const std::size_t rows = width == 0 ? 0 : data.size() / width;
  if (rows == 0)
    throw ShapeError(name,
                     fmt::format("mean of an empty array of shape {}", shape_string(data.shape())));
  Tensor mean(std::vector<std::size_t>(rest.begin(), rest.end()));
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rows; ++r) sum += data.data()[r * width + i];
    mean.data()[i] = static_cast<float>(sum / static_cast<double>(rows));
  }
  return std::make_shared<const Tensor>(std::move(mean));
}

/// The axes that a mean keeps. With a head selected, data of full rank [batch, pos, head, ...] has
/// a head axis and other data has not; data that could be read either way is refused rather than
/// averaged over heads by mistake.
const std::vector<std::size_t>& mean_axes(const Edit& edit, const Tensor& data,
                                          const std::vector<std::size_t>& rest,
                                          const std::vector<std::size_t>& one_head,
                                          const std::string& name) {
  if (!edit.head) return rest;
  if (data.rank() == rest.size() + 2) return rest;
  if (!ends_with(data.shape(), rest)) return one_head;
  throw ShapeError(
      name, fmt::format("mean for head {} of an array of shape {}: the axis of {} may be heads or "
                        "samples, expected [batch, pos, head, ...] or no head axis",
                        *edit.head, shape_string(data.shape()), rest[0]));
}

struct Selection {
  std::vector<std::vector<std::size_t>> positions;  ///< of each sequence
  bool same_count = true;
  std::size_t count = 0;
  bool same_length = true;
  std::size_t length = 0;
};

Selection select_now(const Positions& pos, std::span<const std::size_t> lengths,
                     const std::string& name) {
  Selection s;
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    s.positions.push_back(pos.resolve(lengths[b], name));
    if (b == 0) {
      s.count = s.positions[0].size();
      s.length = lengths[0];
    }
    s.same_count = s.same_count && s.positions[b].size() == s.count;
    s.same_length = s.same_length && lengths[b] == s.length;
  }
  return s;
}

/// Match a value's leading axes [batch, n] (either may be missing) against the batch; nullopt if
/// they do not fit. `lead` are the extents before the site's own axes.
std::optional<ValueLayout> match_leading(std::span<const std::size_t> lead, std::size_t width,
                                         const Selection& s, std::size_t batch) {
  ValueLayout v;
  if (lead.empty()) return v;
  if (lead.size() > 2) return std::nullopt;
  const std::size_t n = lead.back();
  v.has_pos_axis = true;
  v.pos_stride = width;
  if (s.same_count && n == s.count) {
    v.pos_is_absolute = false;
  } else if (s.same_length && n == s.length) {
    v.pos_is_absolute = true;
  } else {
    return std::nullopt;
  }
  if (lead.size() == 2) {
    if (lead[0] != batch && lead[0] != 1) return std::nullopt;
    v.batch_stride = lead[0] == 1 ? 0 : n * width;
  }
  return v;
}

std::optional<ValueLayout> row_layout(std::span<const std::size_t> shape,
                                      std::span<const std::size_t> rest, const Selection& s,
                                      std::size_t batch) {
  if (!ends_with(shape, rest)) return std::nullopt;
  return match_leading(shape.first(shape.size() - rest.size()), product(rest), s, batch);
}

/// Values at score sites: [q, k], [head, q, k] or [batch, head, q, k].
std::optional<ValueLayout> edge_layout(std::span<const std::size_t> shape, std::size_t heads,
                                       bool one_head, const Selection& s, std::size_t batch) {
  if (shape.size() < 2 || shape.size() > 4 || !s.same_length) return std::nullopt;
  const std::size_t q = shape[shape.size() - 2], k = shape.back();
  if (k != s.length) return std::nullopt;
  ValueLayout v;
  v.has_pos_axis = true;
  v.pos_stride = k;
  v.keys = k;
  if (s.same_count && q == s.count) {
    v.pos_is_absolute = false;
  } else if (q == s.length) {
    v.pos_is_absolute = true;
  } else {
    return std::nullopt;
  }
  if (shape.size() >= 3) {
    const std::size_t h = shape[shape.size() - 3];
    if (h != heads && h != 1) return std::nullopt;
    if (h == 1 && heads != 1 && !one_head) return std::nullopt;
    v.head_stride = h == 1 ? 0 : q * k;
  }
  if (shape.size() == 4) {
    if (shape[0] != batch && shape[0] != 1) return std::nullopt;
    v.batch_stride = shape[0] == 1 ? 0 : shape[1] * q * k;
  }
  return v;
}

void check_edges_visible(const Edit& edit, HookPoint point, std::span<const std::size_t> lengths,
                         std::size_t horizon) {
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    const auto queries = reachable(edit.pos, lengths[b], horizon, point.name() + " query");
    const auto keys = reachable(edit.key, lengths[b], horizon, point.name() + " key");
    const std::size_t last_query = *std::max_element(queries.begin(), queries.end());
    const std::size_t first_key = *std::min_element(keys.begin(), keys.end());
    if (first_key > last_query) {
      throw ArgumentError(
          point.name(),
          fmt::format("knockout of key {} for query {}, but a query sees only keys up to itself",
                      first_key, last_query));
    }
  }
}

}  // namespace

HookPlan::HookPlan(const HookSpec& spec, const HookDims& dims, std::span<const std::size_t> lengths,
                   std::size_t horizon)
    : dims_(dims), spec_(spec) {
  if (spec_.empty()) return;
  points_.resize(slot(Site{}, dims_.n_layers, -1));
  for (const Capture& capture : spec_.captures()) {
    for (HookPoint point : match(capture.where)) {
      (capture.when == When::kBefore ? at(point).capture_before : at(point).capture_after) = true;
    }
  }
  for (const Edit& edit : spec_.edits()) {
    has_edits_ = true;
    for (HookPoint point : match(edit.where)) plan_edit(edit, point, lengths, horizon);
  }
}

std::vector<HookPoint> HookPlan::points() const {
  std::vector<HookPoint> out;
  if (points_.empty()) return out;
  for (HookPoint point : all_hook_points(dims_)) {
    if (find(point.site(), point.layer(), point.expert()) != nullptr) out.push_back(point);
  }
  return out;
}

PointPlan& HookPlan::at(HookPoint point) {
  auto& found = points_[slot(point.site(), point.layer(), point.expert())];
  if (!found) found = std::make_unique<PointPlan>();
  return *found;
}

std::vector<HookPoint> HookPlan::match(std::string_view where) const {
  if (is_glob(where)) {
    std::vector<HookPoint> out;
    std::vector<std::string> names;
    for (HookPoint point : all_hook_points(dims_)) {
      names.push_back(point.name());
      if (glob_match(where, names.back())) out.push_back(point);
    }
    if (out.empty()) {
      std::vector<std::string> near = nearest_names(where, names);
      const std::string text =
          fmt::format("matches no hook point of this model{}", did_you_mean(near));
      throw UnknownNameError(where, text, std::move(near));
    }
    return out;
  }
  const HookPoint point = HookPoint::parse(where);
  if (point.layer() >= dims_.n_layers) {
    const std::string nearest = HookPoint(point.site(), dims_.n_layers - 1, point.expert()).name();
    throw UnknownNameError(
        where,
        fmt::format("layer {}, but this model has layers 0 to {}; did you mean '{}'?",
                    point.layer(), dims_.n_layers - 1, nearest),
        {nearest});
  }
  if (!point_exists(point, dims_)) {
    std::vector<std::string> names;
    for (HookPoint p : all_hook_points(dims_)) names.push_back(p.name());
    std::vector<std::string> near = nearest_names(where, names);
    const std::string text = fmt::format("this model has no such part{}", did_you_mean(near));
    throw UnknownNameError(where, text, std::move(near));
  }
  return {point};
}

void HookPlan::plan_edit(const Edit& edit, HookPoint point, std::span<const std::size_t> lengths,
                         std::size_t horizon) {
  check_kind(edit, point);
  check_head(edit, point, dims_);
  const std::string name = point.name();
  const std::size_t batch = lengths.size();
  PlannedEdit planned{.edit = &edit};

  if (edit.kind == EditKind::kKnockout && is_edge_site(point.site())) {
    check_edges_visible(edit, point, lengths, horizon);
  } else if (edit.kind == EditKind::kCall) {
    if (!edit.pos.is_all())
      throw ArgumentError(name, "call acts on the whole array, expected no positions");
  } else {
    for (std::size_t length : lengths) reachable(edit.pos, length, horizon, name);
  }

  if (edit.kind == EditKind::kAdd || edit.kind == EditKind::kReplace ||
      edit.kind == EditKind::kMean) {
    const bool edges = is_edge_site(point.site());
    std::vector<std::size_t> rest = rest_extents(point.site(), dims_);
    // With a head selected, its axis (the first of `rest`) may be absent from the value or present.
    const std::size_t heads = head_count(point.site(), dims_).value_or(1);
    const std::vector<std::size_t> one_head =
        edit.head && !edges ? std::vector<std::size_t>(rest.begin() + 1, rest.end()) : rest;

    const Tensor* value = edit.value.get();
    if (edit.kind == EditKind::kMean) {
      planned.owned =
          mean_over_leading(*value, mean_axes(edit, *value, rest, one_head, name), name);
      value = planned.owned.get();
    }
    // Only a value with a position axis needs positions that exist now; a plain vector may wait for
    // later steps.
    const std::size_t plain_rank = edges ? 0 : rest.size();
    const bool may_wait = !edges && value->rank() <= (edit.head ? one_head.size() : plain_rank);
    Selection s;
    if (!may_wait) s = select_now(edit.pos, lengths, name);

    std::optional<ValueLayout> layout;
    bool spans_heads = false;
    if (edges) {
      layout = edge_layout(value->shape(), heads, edit.head.has_value(), s, batch);
    } else {
      layout = row_layout(value->shape(), one_head, s, batch);
      if (!layout && edit.head) {
        if (s.positions.empty() && value->rank() > rest.size())
          s = select_now(edit.pos, lengths, name);
        layout = row_layout(value->shape(), rest, s, batch);
        spans_heads = layout.has_value();
      }
    }
    if (!layout) {
      std::string expected = edges ? fmt::format("[q, k], [{0}, q, k] or [batch, {0}, q, k]", heads)
                                   : fmt::format("{0} with an optional leading [n] or [batch, n]",
                                                 shape_string(one_head));
      const std::string counts =
          !s.positions.empty() && s.same_length
              ? fmt::format(" (batch {}, {} tokens, {} of them selected)", batch, s.length, s.count)
              : fmt::format(" (batch {})", batch);
      throw ShapeError(
          name, fmt::format("{} with a value of shape {}, expected {}{}", edit_kind_name(edit.kind),
                            shape_string(value->shape()), expected, counts));
    }
    planned.value = *layout;
    planned.value.data = value->data();
    if (spans_heads) planned.value.data += static_cast<std::size_t>(*edit.head) * product(one_head);
    if (layout->has_pos_axis) planned.fixed = std::move(s.positions);
  }
  at(point).edits.push_back(std::move(planned));
}

}  // namespace cutaway
