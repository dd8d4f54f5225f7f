// GGUF v2 and v3: metadata, tensor table, mapped bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/stored_tensor.h"

namespace cutaway::io {

/// A metadata value. Arrays of strings and of numbers are kept whole (tokenizers have 256k
/// entries); nested arrays are refused.
using GgufValue =
    std::variant<bool, std::int64_t, std::uint64_t, double, std::string, std::vector<bool>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

/// A GGUF file. Every count, length, offset and product was checked against the bytes that are left
/// before anything was allocated; duplicate keys and tensor names, overlapping or unaligned
/// tensors, unknown value types and sizes that do not fit the block type are FormatError.
class GgufFile {
 public:
  /// throws IoError, FormatError, UnsupportedError (version 1 or above 3, big-endian, a tensor type
  /// that we do not read: named).
  static GgufFile read(const std::filesystem::path& path, bool use_mmap = true);
  static GgufFile read(std::shared_ptr<const MappedFile> file);

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::map<std::string, GgufValue, std::less<>>& metadata() const noexcept {
    return metadata_;
  }
  const std::vector<StoredTensor>& tensors() const noexcept { return tensors_; }

  bool has(std::string_view key) const { return metadata_.find(key) != metadata_.end(); }
  /// Typed look-ups: absent → nullopt; another type → FormatError naming file and key. Integers of
  /// any width count as integers when they fit.
  std::optional<std::int64_t> find_int(std::string_view key) const;
  std::optional<double> find_double(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  const std::string* find_string(std::string_view key) const;
  const std::vector<std::string>* find_strings(std::string_view key) const;
  const std::vector<std::int64_t>* find_ints(
      std::string_view key) const;  ///< arrays of any integer type
  const std::vector<double>* find_doubles(std::string_view key) const;  ///< arrays of f32 or f64
  const std::vector<bool>* find_bools(std::string_view key) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, GgufValue, std::less<>> metadata_;
  std::vector<StoredTensor> tensors_;
};

}  // namespace cutaway::io
