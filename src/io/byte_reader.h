// A cursor over hostile bytes: nothing is read, and no size is believed, before it was checked
// against what is left.
#pragma once

#include <cutaway/error.h>
#include <fmt/format.h>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cutaway::io {

/// Little-endian reads that throw FormatError "FILE: WHAT needs 8 bytes at byte 120, the file has
/// 124 bytes".
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string origin)
      : bytes_(bytes), origin_(std::move(origin)) {
    static_assert(std::endian::native == std::endian::little);
  }

  std::size_t position() const noexcept { return at_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }
  const std::string& origin() const noexcept { return origin_; }

  template <typename T>
  T read(std::string_view what) {
    T value;
    const auto from = take(sizeof(T), what);
    std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::size_t count, std::string_view what) {
    if (count > left()) {
      fail(fmt::format("{} needs {} bytes at byte {}, the file has {} bytes", what, count, at_,
                       bytes_.size()));
    }
    const auto out = bytes_.subspan(at_, count);
    at_ += count;
    return out;
  }

  /// For a count of things that take at least `each` bytes: fits into what is left, or throws.
  void expect_room(std::uint64_t count, std::size_t each, std::string_view what) const {
    if (count > left() / each) {
      fail(fmt::format("{} {} need at least {} bytes each at byte {}, the file has {} bytes", count,
                       what, each, at_, bytes_.size()));
    }
  }

  [[noreturn]] void fail(std::string_view detail) const { throw FormatError(origin_, detail); }

 private:
  std::span<const std::byte> bytes_;
  std::string origin_;
  std::size_t at_ = 0;
};

}  // namespace cutaway::io
