#include "io/gguf.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "io/byte_reader.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

enum class ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

constexpr std::size_t kLongestKey = 65535;    // the format's own limit
constexpr std::uint32_t kMostDimensions = 4;  // ggml's
constexpr std::int64_t kLargestAlignment = 1 << 20;
constexpr std::size_t kSmallestKeyValue = 8 + 4 + 1;        // key length, type, one byte
constexpr std::size_t kSmallestTensorInfo = 8 + 4 + 4 + 8;  // name length, rank, type, offset

std::optional<DType> dtype_of(std::uint32_t ggml_type) {
  switch (ggml_type) {
    case 0:
      return DType::kF32;
    case 1:
      return DType::kF16;
    case 2:
      return DType::kQ4_0;
    case 3:
      return DType::kQ4_1;
    case 6:
      return DType::kQ5_0;
    case 7:
      return DType::kQ5_1;
    case 8:
      return DType::kQ8_0;
    case 10:
      return DType::kQ2_K;
    case 11:
      return DType::kQ3_K;
    case 12:
      return DType::kQ4_K;
    case 13:
      return DType::kQ5_K;
    case 14:
      return DType::kQ6_K;
    case 24:
      return DType::kI8;
    case 25:
      return DType::kI16;
    case 26:
      return DType::kI32;
    case 27:
      return DType::kI64;
    case 28:
      return DType::kF64;
    case 30:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

std::string unread_type_name(std::uint32_t ggml_type) {
  constexpr std::array<std::pair<std::uint32_t, std::string_view>, 16> kNames{{{9, "q8_1"},
                                                                               {15, "q8_k"},
                                                                               {16, "iq2_xxs"},
                                                                               {17, "iq2_xs"},
                                                                               {18, "iq3_xxs"},
                                                                               {19, "iq1_s"},
                                                                               {20, "iq4_nl"},
                                                                               {21, "iq3_s"},
                                                                               {22, "iq2_s"},
                                                                               {23, "iq4_xs"},
                                                                               {29, "iq1_m"},
                                                                               {34, "tq1_0"},
                                                                               {35, "tq2_0"},
                                                                               {39, "mxfp4"},
                                                                               {40, "nvfp4"},
                                                                               {41, "q1_0"}}};
  for (const auto& [id, name] : kNames) {
    if (id == ggml_type) return std::string(name);
  }
  return fmt::format("number {}", ggml_type);
}

std::string read_string(ByteReader& in, const std::string& what) {
  const auto length = in.read<std::uint64_t>(what);
  const auto bytes = in.take(length, what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool read_bool(ByteReader& in, const std::string& what) {
  const auto byte = in.read<std::uint8_t>(what);
  if (byte > 1) in.fail(fmt::format("{} is the boolean {}, expected 0 or 1", what, byte));
  return byte == 1;
}

GgufValue read_scalar(ByteReader& in, ValueType type, const std::string& what) {
  switch (type) {
    case ValueType::kU8:
      return std::int64_t{in.read<std::uint8_t>(what)};
    case ValueType::kI8:
      return std::int64_t{in.read<std::int8_t>(what)};
    case ValueType::kU16:
      return std::int64_t{in.read<std::uint16_t>(what)};
    case ValueType::kI16:
      return std::int64_t{in.read<std::int16_t>(what)};
    case ValueType::kU32:
      return std::int64_t{in.read<std::uint32_t>(what)};
    case ValueType::kI32:
      return std::int64_t{in.read<std::int32_t>(what)};
    case ValueType::kI64:
      return in.read<std::int64_t>(what);
    case ValueType::kU64: {
      const auto value = in.read<std::uint64_t>(what);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return value;
      }
      return static_cast<std::int64_t>(value);
    }
    case ValueType::kF32:
      return double{in.read<float>(what)};
    case ValueType::kF64:
      return in.read<double>(what);
    case ValueType::kBool:
      return read_bool(in, what);
    case ValueType::kString:
      return read_string(in, what);
    case ValueType::kArray:
      break;
  }
  in.fail(fmt::format("{} has value type {}, expected 0 to 12", what,
                      static_cast<std::uint32_t>(type)));
}

// The elements stand packed; one bounds check for all of them.
template <typename Stored, typename Wide>
std::vector<Wide> read_numbers(ByteReader& in, std::uint64_t count, const std::string& what) {
  in.expect_room(count, sizeof(Stored), what);
  const auto bytes = in.take(count * sizeof(Stored), what);
  std::vector<Wide> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    if constexpr (std::is_same_v<Stored, std::uint64_t>) {
      if (stored > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        throw UnsupportedError(in.origin(),
                               fmt::format("{}: element {} is {}, beyond int64", what, i, stored));
      }
    }
    out[i] = static_cast<Wide>(stored);
  }
  return out;
}

GgufValue read_array(ByteReader& in, const std::string& key) {
  const std::string what = fmt::format("array '{}'", key);
  const auto type = static_cast<ValueType>(in.read<std::uint32_t>(what));
  const auto count = in.read<std::uint64_t>(what);
  const std::string elements = fmt::format("elements of '{}'", key);
  switch (type) {
    case ValueType::kU8:
      return read_numbers<std::uint8_t, std::int64_t>(in, count, elements);
    case ValueType::kI8:
      return read_numbers<std::int8_t, std::int64_t>(in, count, elements);
    case ValueType::kU16:
      return read_numbers<std::uint16_t, std::int64_t>(in, count, elements);
    case ValueType::kI16:
      return read_numbers<std::int16_t, std::int64_t>(in, count, elements);
    case ValueType::kU32:
      return read_numbers<std::uint32_t, std::int64_t>(in, count, elements);
    case ValueType::kI32:
      return read_numbers<std::int32_t, std::int64_t>(in, count, elements);
    case ValueType::kU64:
      return read_numbers<std::uint64_t, std::int64_t>(in, count, elements);
    case ValueType::kI64:
      return read_numbers<std::int64_t, std::int64_t>(in, count, elements);
    case ValueType::kF32:
      return read_numbers<float, double>(in, count, elements);
    case ValueType::kF64:
      return read_numbers<double, double>(in, count, elements);
    case ValueType::kBool: {
      in.expect_room(count, 1, elements);
      std::vector<bool> out(count);
      for (std::size_t i = 0; i < count; ++i) out[i] = read_bool(in, elements);
      return out;
    }
    case ValueType::kString: {
      in.expect_room(count, sizeof(std::uint64_t), elements);
      std::vector<std::string> out;
      out.reserve(count);
      for (std::uint64_t i = 0; i < count; ++i) out.push_back(read_string(in, elements));
      return out;
    }
    case ValueType::kArray:
      throw UnsupportedError(in.origin(), fmt::format("{} holds arrays, which are not read", what));
  }
  in.fail(fmt::format("{} has element type {}, expected 0 to 12", what,
                      static_cast<std::uint32_t>(type)));
}

struct TensorInfo {
  StoredTensor tensor;  // `bytes` not yet set
  std::uint64_t offset;
  std::size_t size;
};

TensorInfo read_tensor_info(ByteReader& in, std::uint64_t index) {
  TensorInfo info{};
  info.tensor.name = read_string(in, fmt::format("the name of tensor {}", index));
  const std::string what = fmt::format("tensor '{}'", printable(info.tensor.name));
  const auto rank = in.read<std::uint32_t>(what);
  if (rank > kMostDimensions) {
    in.fail(fmt::format("{} has {} dimensions, expected at most {}", what, rank, kMostDimensions));
  }
  std::array<std::uint64_t, kMostDimensions> extents{};
  for (std::uint32_t i = 0; i < rank; ++i) extents[i] = in.read<std::uint64_t>(what);
  info.tensor.shape.assign(extents.begin(), extents.begin() + rank);
  std::reverse(info.tensor.shape.begin(), info.tensor.shape.end());
  const auto type = in.read<std::uint32_t>(what);
  info.offset = in.read<std::uint64_t>(what);

  const auto dtype = dtype_of(type);
  if (!dtype) {
    throw UnsupportedError(in.origin(), fmt::format("{} has type {}, which is not read", what,
                                                    unread_type_name(type)));
  }
  info.tensor.dtype = *dtype;
  const auto size = checked_bytes(*dtype, info.tensor.shape);
  if (!size) {
    const DTypeInfo& facts = dtype_info(*dtype);
    const auto& shape = info.tensor.shape;
    if (facts.block_size > 1 && (shape.empty() || shape.back() % facts.block_size != 0)) {
      in.fail(fmt::format("{} has shape {} of {}, expected rows of a multiple of {}", what,
                          shape_text(shape), facts.name, facts.block_size));
    }
    in.fail(
        fmt::format("{} has shape {} of {}, which overflows", what, shape_text(shape), facts.name));
  }
  info.size = *size;
  return info;
}

std::uint64_t read_alignment(const GgufFile& file) {
  const auto alignment = file.find_int("general.alignment").value_or(32);
  const bool is_power_of_two = alignment > 0 && (alignment & (alignment - 1)) == 0;
  if (!is_power_of_two || alignment > kLargestAlignment) {
    throw FormatError(file.path().string(),
                      fmt::format("'general.alignment' is {}, expected a power of two up to {}",
                                  alignment, kLargestAlignment));
  }
  return static_cast<std::uint64_t>(alignment);
}

// Offsets count from the data section, which starts at the next multiple of the alignment.
void place_tensors(const ByteReader& in, const MappedFile& file, std::vector<TensorInfo>& infos,
                   std::uint64_t alignment) {
  const std::size_t padding = (alignment - in.position() % alignment) % alignment;
  const std::size_t start = in.position() + padding;
  const std::size_t total = file.bytes().size();
  const std::size_t data = start <= total ? total - start : 0;
  for (TensorInfo& info : infos) {
    const std::string name = printable(info.tensor.name);
    if (info.offset % alignment != 0) {
      in.fail(fmt::format("tensor '{}' starts at data byte {}, expected a multiple of {}", name,
                          info.offset, alignment));
    }
    if (info.offset > data || info.size > data - info.offset) {
      in.fail(fmt::format(
          "tensor '{}' needs {} bytes at data byte {}, the file has {} bytes, {} of them data",
          name, info.size, info.offset, total, data));
    }
    info.tensor.bytes = info.size == 0 ? std::span<const std::byte>{}
                                       : file.bytes().subspan(start + info.offset, info.size);
  }
  std::vector<const TensorInfo*> order;
  for (const TensorInfo& info : infos) {
    if (info.size > 0) order.push_back(&info);
  }
  std::sort(order.begin(), order.end(),
            [](const TensorInfo* a, const TensorInfo* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->offset < order[i - 1]->offset + order[i - 1]->size) {
      in.fail(fmt::format("tensors '{}' and '{}' overlap", printable(order[i - 1]->tensor.name),
                          printable(order[i]->tensor.name)));
    }
  }
}

void check_version(ByteReader& in) {
  const auto magic = in.take(4, "the magic number");
  if (std::memcmp(magic.data(), "GGUF", 4) != 0) {
    in.fail("does not start with 'GGUF', expected a GGUF file");
  }
  const auto version = in.read<std::uint32_t>("the version");
  if (version != 0 && (version & 0xFFFFU) == 0) {
    throw UnsupportedError(in.origin(), "is a big-endian GGUF file, expected little-endian");
  }
  if (version < 2 || version > 3) {
    throw UnsupportedError(in.origin(),
                           fmt::format("has GGUF version {}, expected 2 or 3", version));
  }
}

}  // namespace

GgufFile GgufFile::read(const std::filesystem::path& path, bool use_mmap) {
  return read(MappedFile::open(path, use_mmap));
}

GgufFile GgufFile::read(std::shared_ptr<const MappedFile> file) {
  GgufFile out;
  out.path_ = file->path();
  ByteReader in(file->bytes(), file->path().string());
  check_version(in);
  const auto tensor_count = in.read<std::uint64_t>("the number of tensors");
  const auto key_count = in.read<std::uint64_t>("the number of keys");
  in.expect_room(key_count, kSmallestKeyValue, "keys");
  in.expect_room(tensor_count, kSmallestTensorInfo, "tensors");

  for (std::uint64_t i = 0; i < key_count; ++i) {
    const std::string position = fmt::format("key {}", i);
    const std::string key = read_string(in, position);
    if (key.empty() || key.size() > kLongestKey) {
      in.fail(fmt::format("{} has {} bytes, expected 1 to {}", position, key.size(), kLongestKey));
    }
    const std::string name = printable(key);
    const auto type = static_cast<ValueType>(in.read<std::uint32_t>(fmt::format("key '{}'", name)));
    GgufValue value = type == ValueType::kArray
                          ? read_array(in, name)
                          : read_scalar(in, type, fmt::format("key '{}'", name));
    if (!out.metadata_.emplace(key, std::move(value)).second) {
      in.fail(fmt::format("has the key '{}' more than once", name));
    }
  }

  in.expect_room(tensor_count, kSmallestTensorInfo, "tensors");
  std::vector<TensorInfo> infos;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    infos.push_back(read_tensor_info(in, i));
    const std::string& name = infos.back().tensor.name;
    if (!names.insert(name).second) {
      in.fail(fmt::format("has the tensor '{}' more than once", printable(name)));
    }
  }
  place_tensors(in, *file, infos, read_alignment(out));
  for (TensorInfo& info : infos) {
    info.tensor.file = file;
    out.tensors_.push_back(std::move(info.tensor));
  }
  return out;
}

namespace {

std::string_view type_name(const GgufValue& value) {
  constexpr std::array<std::string_view, 9> kNames{"a boolean",
                                                   "an integer",
                                                   "an unsigned integer beyond int64",
                                                   "a float",
                                                   "a string",
                                                   "an array of booleans",
                                                   "an array of integers",
                                                   "an array of floats",
                                                   "an array of strings"};
  static_assert(std::variant_size_v<GgufValue> == kNames.size());
  return kNames[value.index()];
}

[[noreturn]] void fail_type(const std::filesystem::path& path, std::string_view key,
                            const GgufValue& value, std::string_view expected) {
  throw FormatError(path.string(), fmt::format("key '{}' is {}, expected {}", printable(key),
                                               type_name(value), expected));
}

template <typename T>
const T* find_as(const GgufFile& file, std::string_view key, std::string_view expected) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return nullptr;
  const T* value = std::get_if<T>(&found->second);
  if (value == nullptr) fail_type(file.path(), key, found->second, expected);
  return value;
}

}  // namespace

std::optional<std::int64_t> GgufFile::find_int(std::string_view key) const {
  const auto* value = find_as<std::int64_t>(*this, key, "an integer");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> GgufFile::find_double(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end()) {
    if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
      return static_cast<double>(*whole);
    }
  }
  const auto* value = find_as<double>(*this, key, "a number");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<bool> GgufFile::find_bool(std::string_view key) const {
  const auto* value = find_as<bool>(*this, key, "a boolean");
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const std::string* GgufFile::find_string(std::string_view key) const {
  return find_as<std::string>(*this, key, "a string");
}
const std::vector<std::string>* GgufFile::find_strings(std::string_view key) const {
  return find_as<std::vector<std::string>>(*this, key, "an array of strings");
}
const std::vector<std::int64_t>* GgufFile::find_ints(std::string_view key) const {
  return find_as<std::vector<std::int64_t>>(*this, key, "an array of integers");
}
const std::vector<double>* GgufFile::find_doubles(std::string_view key) const {
  return find_as<std::vector<double>>(*this, key, "an array of floats");
}
const std::vector<bool>* GgufFile::find_bools(std::string_view key) const {
  return find_as<std::vector<bool>>(*this, key, "an array of booleans");
}

}  // namespace cutaway::io
