// Which layers see only a window of keys.
#include <algorithm>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_parts.h"

namespace cutaway {
namespace {

std::vector<bool> windowed_by_rule(ConfigReader& reader, const Family& family, int n_layers) {
  std::vector<bool> out(static_cast<std::size_t>(n_layers), false);
  const auto set = [&](auto rule) {
    for (int i = 0; i < n_layers; ++i) out[static_cast<std::size_t>(i)] = rule(i);
  };
  switch (family.windows) {
    case WindowRule::kNone:
      break;
    case WindowRule::kAllLayers:
      set([](int) { return true; });
      break;
    case WindowRule::kEvenLayers:
      set([](int i) { return i % 2 == 0; });
      break;
    case WindowRule::kPattern: {
      const std::string_view key = reader.has("sliding_window_pattern") ? "sliding_window_pattern"
                                                                        : "_sliding_window_pattern";
      const auto pattern = static_cast<std::int64_t>(reader.size_or(key, 6));
      reader.ignore("_sliding_window_pattern");
      set([&](int i) { return (i + 1) % pattern != 0; });
      break;
    }
    case WindowRule::kFromMaxLayers: {
      const bool used = reader.find_bool("use_sliding_window").value_or(false);
      const std::int64_t from = reader.find_int("max_window_layers").value_or(28);
      set([&](int i) { return used && i >= from; });
      break;
    }
    case WindowRule::kEvenBelowMax: {
      const bool used = reader.find_bool("use_sliding_window").value_or(false);
      const std::int64_t below = reader.find_int("max_window_layers").value_or(28);
      set([&](int i) { return used && i % 2 == 0 && i < below; });
      break;
    }
  }
  return out;
}

std::vector<bool> windowed_layers(ConfigReader& reader, const Family& family, int n_layers) {
  std::vector<bool> out = windowed_by_rule(reader, family, n_layers);
  const io::Json* types = reader.find("layer_types");
  if (types == nullptr) return out;
  const auto items = types->items();
  if (items.size() != out.size()) {
    throw FormatError(reader.origin(),
                      fmt::format("{} has {} entries, expected one a layer ({})",
                                  reader.field("layer_types"), items.size(), n_layers));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string& type = items[i].as_string();
    if (type != "full_attention" && type != "sliding_attention") {
      unsupported(reader, "layer_types", "'" + type + "' somewhere",
                  "full_attention and sliding_attention");
    }
    out[i] = type == "sliding_attention";
  }
  if (family.windows == WindowRule::kNone && std::ranges::count(out, true) > 0) {
    unsupported(reader, "layer_types", "sliding_attention",
                fmt::format("full_attention in family {}", family.model_type));
  }
  return out;
}

}  // namespace

void parse_windows(ConfigReader& reader, const Family& family, ModelConfig& config) {
  const std::vector<bool> windowed = windowed_layers(reader, family, config.n_layers);
  config.windows.assign(windowed.size(), 0);
  if (family.windows == WindowRule::kNone) return;
  const bool any = std::ranges::count(windowed, true) > 0;
  if (!any) {
    reader.ignore("sliding_window");  // a width that no layer uses
    return;
  }
  // An absent width is the family's own; null is none.
  std::size_t window = 0;
  if (reader.absent("sliding_window")) {
    window = family.window;
  } else if (reader.has("sliding_window")) {
    window = reader.size("sliding_window");
  }
  const bool needs_width =
      family.windows != WindowRule::kAllLayers && family.windows != WindowRule::kNone;
  if (window == 0 && needs_width) {
    throw FormatError(reader.origin(), fmt::format("{} is missing although layers slide",
                                                   reader.field("sliding_window")));
  }
  for (std::size_t i = 0; i < windowed.size(); ++i) config.windows[i] = windowed[i] ? window : 0;
}

}  // namespace cutaway
