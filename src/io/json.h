// JSON in: a small document tree that remembers where it came from, so that every error names file
// and field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cutaway::io {

/// An immutable JSON value. Objects keep the file's order of keys; a duplicate key, nesting deeper
/// than 64, or text that is not UTF-8 was refused on parsing. Accessors that name a type throw
/// FormatError "FILE: field 'a.b[3]' is a string, expected an integer".
class Json {
 public:
  enum class Type : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  /// throws FormatError naming `origin` (a path, shown in messages).
  static Json parse(std::string_view text, const std::string& origin);
  /// throws IoError, FormatError.
  static Json load(const std::filesystem::path& path);

  Type type() const noexcept { return type_; }
  bool is_null() const noexcept { return type_ == Type::kNull; }
  bool is_string() const noexcept { return type_ == Type::kString; }
  bool is_object() const noexcept { return type_ == Type::kObject; }
  bool is_array() const noexcept { return type_ == Type::kArray; }
  bool is_bool() const noexcept { return type_ == Type::kBool; }
  bool is_number() const noexcept { return type_ == Type::kInt || type_ == Type::kDouble; }

  bool as_bool() const;
  std::int64_t as_int() const;  ///< a whole-numbered double counts (JSON does not tell 1 from 1.0)
  double as_double() const;
  const std::string& as_string() const;
  std::span<const Json> items() const;      ///< of an array
  std::span<const Member> members() const;  ///< of an object

  /// The member, or nullptr if absent (also when this is not an object). Linear in the number of
  /// members: walk `members()` of a vocabulary instead.
  const Json* find(std::string_view key) const noexcept;
  /// throws FormatError naming the missing field.
  const Json& at(std::string_view key) const;

  /// Where this value stands: "FILE" and "a.b[3]".
  const std::string& origin() const noexcept;
  std::string where() const;  ///< "" at the top; built on demand
  /// FormatError "FILE: field 'a.b[3]' DETAIL", for checks that the caller makes on a value.
  [[noreturn]] void fail(std::string_view detail) const;

 private:
  friend class JsonBuilder;
  struct Source;
  [[noreturn]] void fail_type(std::string_view expected) const;

  Type type_ = Type::kNull;
  std::uint32_t id_ = 0;  // of this node in source_, which knows its parent and key
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<Json>,
               std::vector<Member>>
      value_;
  std::shared_ptr<const Source> source_;
};

}  // namespace cutaway::io
