// Reads config.json and remembers what was read, so that a key that nobody understood cannot be
// passed over in silence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "io/json.h"

namespace cutaway {

/// One JSON object. Absent and null count the same.
class ConfigReader {
 public:
  /// `json` must outlive the reader. throws FormatError if it is not an object.
  explicit ConfigReader(const io::Json& json);

  const io::Json* find(
      std::string_view key);  ///< nullptr if absent or null; marks the key as understood
  bool has(std::string_view key) { return find(key) != nullptr; }
  /// Not even null: the key does not stand in the file.
  bool absent(std::string_view key) const { return json_.find(key) == nullptr; }
  std::optional<std::int64_t> find_int(std::string_view key);
  std::optional<double> find_double(std::string_view key);
  std::optional<bool> find_bool(std::string_view key);
  std::optional<std::string> find_string(std::string_view key);

  /// A size: an integer from 1 to 2^31 - 1. throws FormatError naming the key if absent or outside.
  std::size_t size(std::string_view key);
  std::size_t size_or(std::string_view key, std::size_t otherwise);
  /// A finite number above 0. throws FormatError.
  double positive_or(std::string_view key, double otherwise);

  void ignore(std::span<const std::string_view> keys);  ///< understood: these change no number
  void ignore(std::string_view key) { understood_.insert(std::string(key)); }
  /// throws UnsupportedError naming the keys that nobody read (null ones do not count) and
  /// `advice`.
  void check_all_understood(std::string_view advice) const;

  const std::string& origin() const noexcept { return json_.origin(); }
  /// "FILE" and "field 'a.key'": for messages about a value.
  std::string field(std::string_view key) const;

 private:
  const io::Json& json_;
  std::set<std::string, std::less<>> understood_;
};

}  // namespace cutaway
