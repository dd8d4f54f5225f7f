#include "numbers.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include <cutaway/error.h>

namespace cutaway::cli {

std::int64_t parse_int(std::string_view name, std::string_view text, std::int64_t least,
                       std::int64_t most) {
  std::int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || value < least || value > most) {
    const bool bounded = most != std::numeric_limits<std::int64_t>::max();
    throw ArgumentError(
        name, bounded
                  ? fmt::format("'{}', expected a whole number from {} to {}", text, least, most)
                  : fmt::format("'{}', expected a whole number, at least {}", text, least));
  }
  return value;
}

float parse_float(std::string_view name, std::string_view text, float least, float most) {
  float value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || !(value >= least && value <= most) ||
      !std::isfinite(value)) {
    const std::string range = most == std::numeric_limits<float>::max()
                                  ? fmt::format("at least {}", least)
                                  : fmt::format("from {} to {}", least, most);
    throw ArgumentError(name, least == std::numeric_limits<float>::lowest()
                                  ? fmt::format("'{}', expected a finite number", text)
                                  : fmt::format("'{}', expected a number {}", text, range));
  }
  return value;
}

std::uint64_t parse_bytes(std::string_view name, std::string_view text) {
  constexpr std::pair<char, double> kUnits[] = {{'K', 1e3}, {'M', 1e6}, {'G', 1e9}, {'T', 1e12}};
  std::string_view digits = text;
  double unit = 1;
  if (digits.ends_with('B')) digits.remove_suffix(1);
  for (const auto& [letter, factor] : kUnits) {
    if (!digits.empty() && (digits.back() == letter || digits.back() == letter + 32)) {
      unit = factor;
      digits.remove_suffix(1);
      break;
    }
  }
  double value = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value);
  if (error != std::errc() || end != last || !(value > 0) || value * unit > 1e18) {
    throw ArgumentError(name, fmt::format("'{}', expected a size such as 4G, 1.5G or 500M", text));
  }
  return static_cast<std::uint64_t>(value * unit);
}

std::vector<TokenId> parse_token_ids(std::string_view name, std::string_view text) {
  std::vector<TokenId> ids;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    TokenId id = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), id);
    if (error != std::errc() || end != item.data() + item.size() || id < 0) {
      throw ArgumentError(name,
                          fmt::format("'{}' in '{}', expected token ids like 1,2,3", item, text));
    }
    ids.push_back(id);
    if (comma == std::string_view::npos) return ids;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace cutaway::cli
