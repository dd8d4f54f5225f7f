#include "io/npy_header.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "io/byte_reader.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// Kind and width, without the byte order.
constexpr std::array<std::pair<std::string_view, DType>, 12> kDTypes{{{"f8", DType::kF64},
                                                                      {"f4", DType::kF32},
                                                                      {"f2", DType::kF16},
                                                                      {"i8", DType::kI64},
                                                                      {"i4", DType::kI32},
                                                                      {"i2", DType::kI16},
                                                                      {"i1", DType::kI8},
                                                                      {"u8", DType::kU64},
                                                                      {"u4", DType::kU32},
                                                                      {"u2", DType::kU16},
                                                                      {"u1", DType::kU8},
                                                                      {"b1", DType::kBool}}};

DType parse_descr(std::string_view descr, const std::string& origin) {
  std::string_view kind = descr;
  char order = '=';
  if (!kind.empty() && std::string_view("<>=|").find(kind.front()) != kind.npos) {
    order = kind.front();
    kind.remove_prefix(1);
  }
  for (const auto& [name, dtype] : kDTypes) {
    if (name != kind) continue;
    if (order == '>' && dtype_info(dtype).block_bytes > 1) {
      throw UnsupportedError(origin, fmt::format("has dtype '{}', which is big-endian", descr));
    }
    return dtype;
  }
  throw UnsupportedError(
      origin, fmt::format("has dtype '{}', expected a plain number or boolean", printable(descr)));
}

// Just enough of Python's literals for the three keys that numpy writes, in any order.
class DictParser {
 public:
  DictParser(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

  NpyHeader parse() {
    std::optional<DType> dtype;
    std::optional<bool> is_fortran;
    std::optional<std::vector<std::size_t>> shape;
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr" && !dtype) {
        dtype = descr();
      } else if (key == "fortran_order" && !is_fortran) {
        is_fortran = boolean();
      } else if (key == "shape" && !shape) {
        shape = tuple();
      } else {
        fail(fmt::format("has the key '{}', expected descr, fortran_order and shape once each",
                         printable(key)));
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!text_.empty()) fail("has text after its dict");
    if (!dtype || !is_fortran || !shape) fail("lacks one of descr, fortran_order and shape");
    return {.dtype = *dtype, .shape = std::move(*shape), .is_fortran = *is_fortran, .size = 0};
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw FormatError(origin_, fmt::format("its npy header {}", what));
  }
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n')) {
      text_.remove_prefix(1);
    }
  }
  bool take(char c) {
    skip_space();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) {
      fail(fmt::format("has '{}' where '{}' was expected", printable(text_.substr(0, 10)), c));
    }
  }
  std::string_view string() {
    skip_space();
    const char quote = text_.empty() ? '\0' : text_.front();
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, 1) : text_.npos;
    if (end == text_.npos) fail("has no string where one was expected");
    const std::string_view out = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return out;
  }
  DType descr() {
    skip_space();
    if (text_.starts_with('[') || text_.starts_with('(')) {
      throw UnsupportedError(origin_, "is a structured array, expected plain numbers or booleans");
    }
    return parse_descr(string(), origin_);
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      if (text_.starts_with(word)) {
        text_.remove_prefix(std::strlen(word));
        return value;
      }
    }
    fail("has a fortran_order that is neither True nor False");
  }
  std::vector<std::size_t> tuple() {
    std::vector<std::size_t> out;
    expect('(');
    while (!take(')')) {
      skip_space();
      std::size_t extent = 0;
      const auto parsed = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (parsed.ec != std::errc()) fail("has a shape that is not a tuple of sizes");
      text_.remove_prefix(static_cast<std::size_t>(parsed.ptr - text_.data()));
      out.push_back(extent);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }

  std::string_view text_;
  const std::string& origin_;
};

}  // namespace

NpyHeader read_npy_header(std::span<const std::byte> bytes, const std::string& origin) {
  ByteReader in(bytes, origin);
  const auto magic = in.take(kMagic.size(), "the npy magic number");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    in.fail("does not start with '\\x93NUMPY', expected a npy array");
  }
  const auto version = in.read<std::uint8_t>("the npy version");
  static_cast<void>(in.read<std::uint8_t>("the npy version"));
  if (version < 1 || version > 3) {
    throw UnsupportedError(origin, fmt::format("has npy version {}, expected 1 to 3", version));
  }
  const std::size_t length = version == 1 ? in.read<std::uint16_t>("the npy header's length")
                                          : in.read<std::uint32_t>("the npy header's length");
  const auto text = in.take(length, "the npy header");
  NpyHeader header =
      DictParser({reinterpret_cast<const char*>(text.data()), text.size()}, origin).parse();
  header.size = in.position();
  return header;
}

std::string make_npy_header(const TensorToWrite& array, const std::string& origin) {
  const std::string_view type_name = dtype_info(array.dtype).name;
  const auto row = std::find_if(kDTypes.begin(), kDTypes.end(),
                                [&](const auto& r) { return r.second == array.dtype; });
  if (row == kDTypes.end()) {
    throw ArgumentError(origin, fmt::format("array '{}' is {}, which numpy does not have",
                                            printable(array.name), type_name));
  }
  const auto size = checked_bytes(array.dtype, array.shape);
  if (!size || *size != array.bytes.size()) {
    throw ArgumentError(
        origin, fmt::format("array '{}' has {} bytes for shape {} of {}", printable(array.name),
                            array.bytes.size(), shape_text(array.shape), type_name));
  }
  std::string shape;
  for (const std::size_t extent : array.shape) shape += fmt::format("{}, ", extent);
  if (array.shape.size() > 1) shape.resize(shape.size() - 2);  // only "(3,)" keeps its comma
  if (array.shape.size() == 1) shape.pop_back();
  const char order = dtype_info(array.dtype).block_bytes == 1 ? '|' : '<';
  std::string dict = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 order, row->first, shape);
  constexpr std::size_t kPrefix = 10;  // magic, version, length
  const std::size_t total = (kPrefix + dict.size() + 1 + 63) / 64 * 64;
  if (total - kPrefix > 0xFFFF) {
    throw ArgumentError(origin, fmt::format("array '{}' has {} axes, too many for npy",
                                            printable(array.name), array.shape.size()));
  }
  dict.resize(total - kPrefix - 1, ' ');
  dict += '\n';
  const auto length = static_cast<std::uint16_t>(dict.size());
  std::string out(kMagic);
  out += '\x01';
  out += '\x00';
  out += static_cast<char>(length & 0xFF);
  out += static_cast<char>(length >> 8);
  return out + dict;
}

}  // namespace cutaway::io
