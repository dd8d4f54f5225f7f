#include <cutaway/error.h>
#include <cutaway/hooks.h>

#include <fmt/format.h>

#include "base/names.h"

namespace cutaway {
namespace {

constexpr std::string_view kBeforeSuffix = ":before";

[[noreturn]] void throw_not_captured(const std::string& name, const ActivationCache& cache) {
  std::vector<std::string> captured;
  for (const auto& [point, when] : cache.keys())
    captured.push_back(ActivationCache::key_name(point, when));
  std::vector<std::string> near = nearest_names(name, captured);
  const std::string text = fmt::format("not captured in this run ({} points were){}",
                                       captured.size(), did_you_mean(near));
  throw UnknownNameError(name, text, std::move(near));
}

}  // namespace

std::string ActivationCache::key_name(HookPoint point, When when) {
  return when == When::kBefore ? point.name() + std::string(kBeforeSuffix) : point.name();
}

const Tensor* ActivationCache::find(HookPoint point, When when) const noexcept {
  const auto it = values_.find({point, when});
  return it == values_.end() ? nullptr : &it->second;
}

bool ActivationCache::contains(HookPoint point, When when) const noexcept {
  return find(point, when) != nullptr;
}

const Tensor& ActivationCache::at(HookPoint point, When when) const {
  if (const Tensor* value = find(point, when)) return *value;
  throw_not_captured(key_name(point, when), *this);
}

const Tensor& ActivationCache::at(HookPoint point) const {
  if (const Tensor* value = find(point, When::kAfter)) return *value;
  if (const Tensor* value = find(point, When::kBefore)) return *value;
  throw_not_captured(point.name(), *this);
}

const Tensor& ActivationCache::at(std::string_view name) const {
  if (name.ends_with(kBeforeSuffix)) {
    return at(HookPoint::parse(name.substr(0, name.size() - kBeforeSuffix.size())), When::kBefore);
  }
  return at(HookPoint::parse(name));
}

void ActivationCache::store(HookPoint point, When when, Tensor value) {
  values_.insert_or_assign({point, when}, std::move(value));
}

std::vector<std::pair<HookPoint, When>> ActivationCache::keys() const {
  // Global points have layer -1 and would all come first; those after the blocks belong last.
  std::vector<std::pair<HookPoint, When>> first, last;
  for (const auto& [key, value] : values_) {
    (key.first.site() >= Site::kLnFinalScale ? last : first).push_back(key);
  }
  first.insert(first.end(), last.begin(), last.end());
  return first;
}

}  // namespace cutaway
