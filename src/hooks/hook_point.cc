#include <cutaway/error.h>
#include <cutaway/hooks.h>

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/names.h"

namespace cutaway {
namespace {

constexpr std::string_view kBlocks = "blocks.";

struct Alias {
  std::string_view name;
  Site site;
};
// Other tools' spellings of points outside blocks.
constexpr Alias kAliases[] = {{"hook_logits", Site::kLogits}};

std::optional<Site> find_site(std::string_view suffix, bool per_layer) {
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    if (info.per_layer == per_layer && info.suffix == suffix) return info.site;
  }
  if (!per_layer) {
    for (const Alias& alias : kAliases) {
      if (alias.name == suffix) return alias.site;
    }
  }
  return std::nullopt;
}

[[noreturn]] void throw_unknown(std::string_view name, int layer) {
  std::vector<std::string> candidates;
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    candidates.push_back(HookPoint(info.site, info.per_layer ? layer : -1).name());
  }
  std::vector<std::string> near = nearest_names(name, candidates);
  const std::string text = fmt::format("no such hook point{}", did_you_mean(near));
  throw UnknownNameError(name, text, std::move(near));
}

}  // namespace

HookPoint::HookPoint(Site site, int layer) : layer_(layer), site_(site) {
  const SiteInfo& info = site_info(site);
  if (info.per_layer ? layer < 0 : layer != -1) {
    throw ArgumentError(info.suffix,
                        info.per_layer
                            ? fmt::format("layer {}, expected 0 or more", layer)
                            : fmt::format("layer {}, but it stands outside the blocks", layer));
  }
}

std::string HookPoint::name() const {
  const SiteInfo& info = site_info(site_);
  return info.per_layer ? fmt::format("blocks.{}.{}", layer_, info.suffix)
                        : std::string(info.suffix);
}

HookPoint HookPoint::parse(std::string_view name) {
  if (!name.starts_with(kBlocks)) {
    if (const auto site = find_site(name, false)) return HookPoint(*site);
    throw_unknown(name, 0);
  }
  const std::string_view rest = name.substr(kBlocks.size());
  int layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  const bool canonical = error == std::errc() && layer >= 0 && (rest[0] != '0' || digits == 1);
  if (!canonical || digits >= rest.size() || rest[digits] != '.') throw_unknown(name, 0);
  if (const auto site = find_site(rest.substr(digits + 1), true)) return {*site, layer};
  throw_unknown(name, layer);
}

}  // namespace cutaway
