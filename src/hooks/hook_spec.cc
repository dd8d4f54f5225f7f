#include <cutaway/hooks.h>

#include <array>
#include <utility>

#include <fmt/format.h>

namespace cutaway {
namespace {

Edit with_value(EditKind kind, std::string_view where, Tensor value, EditOptions&& options) {
  return {.kind = kind,
          .where = std::string(where),
          .pos = std::move(options.pos),
          .head = options.head,
          .factor = options.scale,
          .value = std::make_shared<const Tensor>(std::move(value))};
}

}  // namespace

std::string_view edit_kind_name(EditKind kind) noexcept {
  static constexpr std::array<std::string_view, 7> kNames{"add",  "replace",  "zero", "scale",
                                                          "mean", "knockout", "call"};
  return kNames[static_cast<std::size_t>(kind)];
}

HookSpec& HookSpec::capture(std::string_view where, When when) {
  captures_.push_back({std::string(where), when});
  return *this;
}

HookSpec& HookSpec::edit(Edit edit) {
  edits_.push_back(std::move(edit));
  return *this;
}

HookSpec& HookSpec::add(std::string_view where, Tensor value, EditOptions options) {
  return edit(with_value(EditKind::kAdd, where, std::move(value), std::move(options)));
}

HookSpec& HookSpec::replace(std::string_view where, Tensor value, EditOptions options) {
  return edit(with_value(EditKind::kReplace, where, std::move(value), std::move(options)));
}

HookSpec& HookSpec::mean(std::string_view where, Tensor data, EditOptions options) {
  return edit(with_value(EditKind::kMean, where, std::move(data), std::move(options)));
}

HookSpec& HookSpec::zero(std::string_view where, EditOptions options) {
  return edit({.kind = EditKind::kZero,
               .where = std::string(where),
               .pos = std::move(options.pos),
               .head = options.head});
}

HookSpec& HookSpec::scale(std::string_view where, float factor, EditOptions options) {
  return edit({.kind = EditKind::kScale,
               .where = std::string(where),
               .pos = std::move(options.pos),
               .head = options.head,
               .factor = factor});
}

HookSpec& HookSpec::knockout(int layer, Positions query, Positions key, std::optional<int> head) {
  return edit({.kind = EditKind::kKnockout,
               .where = fmt::format("blocks.{}.{}", layer, site_info(Site::kAttnScores).suffix),
               .pos = std::move(query),
               .key = std::move(key),
               .head = head});
}

HookSpec& HookSpec::knockout_expert(int layer, int expert, Positions pos) {
  return edit({.kind = EditKind::kKnockout,
               .where = HookPoint(Site::kRouterLogits, layer).name(),
               .pos = std::move(pos),
               .head = expert});
}

HookSpec& HookSpec::call(std::string_view where, EditFn fn) {
  return edit({.kind = EditKind::kCall, .where = std::string(where), .fn = std::move(fn)});
}

HookSpec& HookSpec::extend(const HookSpec& other) {
  captures_.insert(captures_.end(), other.captures_.begin(), other.captures_.end());
  edits_.insert(edits_.end(), other.edits_.begin(), other.edits_.end());
  return *this;
}

}  // namespace cutaway
