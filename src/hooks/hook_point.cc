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

constexpr std::string_view kExpert = "{e}";

std::string with_expert(std::string_view suffix, int expert) {
  const std::size_t at = suffix.find(kExpert);
  return fmt::format("{}{}{}", suffix.substr(0, at), expert, suffix.substr(at + kExpert.size()));
}

/// A number in its only spelling: no sign, no leading zero. `text` loses it.
std::optional<int> take_number(std::string_view& text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || value < 0 || (text[0] == '0' && digits != 1)) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

struct Found {
  Site site;
  int expert;
};

std::optional<Found> find_block_site(std::string_view suffix) {
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    if (!info.per_layer) continue;
    if (!info.per_expert) {
      if (info.suffix == suffix) return Found{info.site, -1};
      continue;
    }
    const std::size_t at = info.suffix.find(kExpert);
    if (!suffix.starts_with(info.suffix.substr(0, at))) continue;
    std::string_view rest = suffix.substr(at);
    const auto expert = take_number(rest);
    if (expert && rest == info.suffix.substr(at + kExpert.size())) return Found{info.site, *expert};
  }
  return std::nullopt;
}

std::optional<Site> find_global_site(std::string_view suffix) {
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    if (!info.per_layer && info.suffix == suffix) return info.site;
  }
  for (const Alias& alias : kAliases) {
    if (alias.name == suffix) return alias.site;
  }
  return std::nullopt;
}

[[noreturn]] void throw_unknown(std::string_view name, int layer) {
  std::vector<std::string> candidates;
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    candidates.push_back(
        HookPoint(info.site, info.per_layer ? layer : -1, info.per_expert ? 0 : -1).name());
  }
  std::vector<std::string> near = nearest_names(name, candidates);
  const std::string text = fmt::format("no such hook point{}", did_you_mean(near));
  throw UnknownNameError(name, text, std::move(near));
}

}  // namespace

HookPoint::HookPoint(Site site, int layer) : HookPoint(site, layer, -1) {}

HookPoint::HookPoint(Site site, int layer, int expert)
    : layer_(layer), site_(site), expert_(expert) {
  const SiteInfo& info = site_info(site);
  if (info.per_layer ? layer < 0 : layer != -1) {
    throw ArgumentError(info.suffix,
                        info.per_layer
                            ? fmt::format("layer {}, expected 0 or more", layer)
                            : fmt::format("layer {}, but it stands outside the blocks", layer));
  }
  if (info.per_expert ? expert < 0 : expert != -1) {
    throw ArgumentError(info.suffix, info.per_expert
                                         ? fmt::format("expert {}, expected 0 or more", expert)
                                         : fmt::format("expert {}, but it has no experts", expert));
  }
}

std::string HookPoint::name() const {
  const SiteInfo& info = site_info(site_);
  if (!info.per_layer) return std::string(info.suffix);
  return fmt::format(
      "{}{}.{}", kBlocks, layer_,
      info.per_expert ? with_expert(info.suffix, expert_) : std::string(info.suffix));
}

HookPoint HookPoint::parse(std::string_view name) {
  if (!name.starts_with(kBlocks)) {
    if (const auto site = find_global_site(name)) return HookPoint(*site);
    throw_unknown(name, 0);
  }
  std::string_view rest = name.substr(kBlocks.size());
  const auto layer = take_number(rest);
  if (!layer || rest.empty() || rest[0] != '.') throw_unknown(name, 0);
  if (const auto found = find_block_site(rest.substr(1)))
    return {found->site, *layer, found->expert};
  throw_unknown(name, *layer);
}

}  // namespace cutaway
