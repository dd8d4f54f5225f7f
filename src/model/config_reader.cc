#include "model/config_reader.h"

#include <cmath>

#include <cutaway/error.h>
#include <fmt/format.h>

namespace cutaway {
namespace {
constexpr std::int64_t kLargestSize = 0x7FFFFFFF;
}

ConfigReader::ConfigReader(const io::Json& json) : json_(json) {
  if (!json.is_object()) throw FormatError(json.origin(), "not a JSON object");
}

std::string ConfigReader::field(std::string_view key) const {
  const std::string where(json_.where());
  return where.empty() ? fmt::format("field '{}'", key) : fmt::format("field '{}.{}'", where, key);
}

const io::Json* ConfigReader::find(std::string_view key) {
  understood_.insert(std::string(key));
  const io::Json* value = json_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::optional<std::int64_t> ConfigReader::find_int(std::string_view key) {
  const io::Json* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(value->as_int());
}
std::optional<double> ConfigReader::find_double(std::string_view key) {
  const io::Json* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(value->as_double());
}
std::optional<bool> ConfigReader::find_bool(std::string_view key) {
  const io::Json* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(value->as_bool());
}
std::optional<std::string> ConfigReader::find_string(std::string_view key) {
  const io::Json* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(value->as_string());
}

std::size_t ConfigReader::size(std::string_view key) {
  const auto value = find_int(key);
  if (!value) throw FormatError(origin(), fmt::format("{} is missing", field(key)));
  if (*value < 1 || *value > kLargestSize) {
    throw FormatError(origin(),
                      fmt::format("{} is {}, expected 1 to {}", field(key), *value, kLargestSize));
  }
  return static_cast<std::size_t>(*value);
}

std::size_t ConfigReader::size_or(std::string_view key, std::size_t otherwise) {
  return has(key) ? size(key) : otherwise;
}

double ConfigReader::positive_or(std::string_view key, double otherwise) {
  const auto value = find_double(key);
  if (!value) return otherwise;
  if (!std::isfinite(*value) || *value <= 0.0) {
    throw FormatError(origin(),
                      fmt::format("{} is {}, expected a number above 0", field(key), *value));
  }
  return *value;
}

void ConfigReader::ignore(std::span<const std::string_view> keys) {
  for (std::string_view key : keys) ignore(key);
}

void ConfigReader::check_all_understood(std::string_view advice) const {
  std::string unknown;
  for (const auto& [key, value] : json_.members()) {
    if (value.is_null() || understood_.contains(key)) continue;
    unknown += (unknown.empty() ? "'" : ", '") + key + "'";
  }
  if (!unknown.empty()) {
    const std::string where(json_.where());
    throw UnsupportedError(
        origin(),
        fmt::format("{}{} not understood, and may change the numbers{}",
                    where.empty() ? "fields " : "in '" + where + "', fields ", unknown, advice));
  }
}

}  // namespace cutaway
