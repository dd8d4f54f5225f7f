#include "io/safetensors.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "io/json.h"
#include "io/model_folder.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;  // the reference reader's limit
constexpr std::size_t kLengthBytes = 8;

constexpr std::array<std::pair<std::string_view, DType>, 13> kDTypes{{{"F64", DType::kF64},
                                                                      {"F32", DType::kF32},
                                                                      {"F16", DType::kF16},
                                                                      {"BF16", DType::kBF16},
                                                                      {"I64", DType::kI64},
                                                                      {"I32", DType::kI32},
                                                                      {"I16", DType::kI16},
                                                                      {"I8", DType::kI8},
                                                                      {"U64", DType::kU64},
                                                                      {"U32", DType::kU32},
                                                                      {"U16", DType::kU16},
                                                                      {"U8", DType::kU8},
                                                                      {"BOOL", DType::kBool}}};

std::size_t read_extent(const Json& value) {
  const std::int64_t extent = value.as_int();
  if (value.type() != Json::Type::kInt) value.fail("is written as a float, expected an integer");
  if (extent < 0) value.fail(fmt::format("is {}, expected a number of at least 0", extent));
  return static_cast<std::size_t>(extent);
}

struct Entry {
  StoredTensor tensor;
  std::size_t begin;
  std::size_t end;
};

Entry read_entry(const std::string& name, const Json& value, const std::string& origin) {
  Entry entry{};
  entry.tensor.name = name;
  const std::string what = fmt::format("tensor '{}'", printable(name));

  const std::string& dtype = value.at("dtype").as_string();
  const auto known = std::find_if(kDTypes.begin(), kDTypes.end(),
                                  [&](const auto& row) { return row.first == dtype; });
  if (known == kDTypes.end()) {
    throw UnsupportedError(
        origin, fmt::format("{} has dtype '{}', which is not read", what, printable(dtype)));
  }
  entry.tensor.dtype = known->second;
  for (const Json& extent : value.at("shape").items()) {
    entry.tensor.shape.push_back(read_extent(extent));
  }
  const Json& offsets = value.at("data_offsets");
  if (offsets.items().size() != 2) {
    offsets.fail(fmt::format("has {} numbers, expected 2", offsets.items().size()));
  }
  entry.begin = read_extent(offsets.items()[0]);
  entry.end = read_extent(offsets.items()[1]);

  const std::string_view type_name = dtype_info(entry.tensor.dtype).name;
  const auto size = checked_bytes(entry.tensor.dtype, entry.tensor.shape);
  if (!size) {
    throw FormatError(origin, fmt::format("{} has shape {} of {}, which overflows", what,
                                          shape_text(entry.tensor.shape), type_name));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != *size) {
    throw FormatError(origin, fmt::format("{} has bytes [{}, {}) for shape {} of {} ({} bytes)",
                                          what, entry.begin, entry.end,
                                          shape_text(entry.tensor.shape), type_name, *size));
  }
  return entry;
}

// Every byte of the data belongs to exactly one tensor: nothing can hide in the file.
void check_ranges(const std::vector<Entry>& entries, std::size_t data_size,
                  const std::string& origin) {
  std::size_t reached = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != reached) {
      throw FormatError(origin,
                        fmt::format("tensor '{}' starts at data byte {}, expected {} ({})",
                                    printable(entry.tensor.name), entry.begin, reached,
                                    entry.begin < reached ? "it overlaps the one before it"
                                                          : "bytes between belong to no tensor"));
    }
    reached = entry.end;
  }
  if (reached != data_size) {
    throw FormatError(origin,
                      fmt::format("has {} bytes of tensor data, expected {}{}", data_size, reached,
                                  data_size < reached ? " (the file is truncated)"
                                                      : " (bytes at the end belong to no tensor)"));
  }
}

std::string_view header_of(std::span<const std::byte> bytes, const std::string& origin) {
  if (bytes.size() < kLengthBytes) {
    throw FormatError(origin, fmt::format("has {} bytes, expected a header length of {} bytes",
                                          bytes.size(), kLengthBytes));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLargestHeader) {
    throw FormatError(origin, fmt::format("has a header of {} bytes, expected at most {}", length,
                                          kLargestHeader));
  }
  if (length > bytes.size() - kLengthBytes) {
    throw FormatError(origin, fmt::format("has {} bytes, expected at least {} for its header",
                                          bytes.size(), length + kLengthBytes));
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (!header.starts_with('{')) {
    throw FormatError(origin, "has a header that does not start with '{'");
  }
  return header;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path, bool use_mmap) {
  return read_safetensors(MappedFile::open(path, use_mmap));
}

SafetensorsFile read_safetensors(std::shared_ptr<const MappedFile> file) {
  const std::string origin = file->path().string();
  const std::string_view header = header_of(file->bytes(), origin);
  const auto data = file->bytes().subspan(kLengthBytes + header.size());
  const Json document = Json::parse(header, origin);

  SafetensorsFile out;
  std::vector<Entry> entries;
  for (const auto& [name, value] : document.members()) {
    if (name == "__metadata__") {
      for (const auto& [key, text] : value.members()) out.metadata.emplace(key, text.as_string());
    } else {
      entries.push_back(read_entry(name, value, origin));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_ranges(entries, data.size(), origin);
  for (Entry& entry : entries) {
    entry.tensor.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    entry.tensor.file = file;
    out.tensors.push_back(std::move(entry.tensor));
  }
  return out;
}

std::vector<StoredTensor> read_safetensors_folder(const std::filesystem::path& folder,
                                                  bool use_mmap) {
  return read_model_folder(folder, "model.safetensors", [&](const std::filesystem::path& file) {
    return read_safetensors(file, use_mmap).tensors;
  });
}

}  // namespace cutaway::io
