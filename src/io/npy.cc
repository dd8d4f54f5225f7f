#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/atomic_file.h"
#include "io/npy_header.h"
#include "io/npz.h"

namespace cutaway::io {
namespace {

// From first-axis-fastest to last-axis-fastest.
std::vector<std::byte> to_row_major(std::span<const std::byte> in,
                                    std::span<const std::size_t> shape, std::size_t width) {
  struct Axis {
    std::size_t extent;
    std::size_t stride;
    std::size_t index;
  };
  std::vector<Axis> axes;  // last axis first
  std::size_t stride = width;
  for (const std::size_t extent : shape) {
    axes.push_back({extent, stride, 0});
    stride *= extent;
  }
  std::reverse(axes.begin(), axes.end());
  std::vector<std::byte> out(in.size());
  std::size_t from = 0;
  for (std::size_t to = 0; to < out.size(); to += width) {
    std::memcpy(out.data() + to, in.data() + from, width);
    for (Axis& axis : axes) {
      from += axis.stride;
      if (++axis.index < axis.extent) break;
      from -= axis.stride * axis.extent;
      axis.index = 0;
    }
  }
  return out;
}

}  // namespace

NpyArray parse_npy(std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes,
                   const std::string& origin) {
  NpyHeader header = read_npy_header(bytes, origin);
  const auto data = bytes.subspan(header.size);
  const std::string_view type_name = dtype_info(header.dtype).name;
  const auto size = checked_bytes(header.dtype, header.shape);
  if (!size) {
    throw FormatError(origin, fmt::format("has shape {} of {}, which overflows",
                                          shape_text(header.shape), type_name));
  }
  if (*size != data.size()) {
    throw FormatError(origin, fmt::format("has {} bytes of data for shape {} of {}, expected {}",
                                          data.size(), shape_text(header.shape), type_name, *size));
  }
  NpyArray out;
  out.tensor.dtype = header.dtype;
  out.tensor.bytes = data;
  out.tensor.file = std::move(file);
  if (header.is_fortran && header.shape.size() > 1) {
    out.tensor.file = MappedFile::from_bytes(
        origin, to_row_major(data, header.shape, dtype_info(header.dtype).block_bytes));
    out.tensor.bytes = out.tensor.file->bytes();
  }
  out.tensor.shape = std::move(header.shape);
  out.keep = out.tensor.file;
  return out;
}

NpyArray read_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_npy(file, file->bytes(), path.string());
}

void write_npy(const std::filesystem::path& path, const TensorToWrite& array) {
  const std::string header = make_npy_header(array, path.string());
  AtomicFile file(path);
  file.write(header);
  file.write(array.bytes);
  file.commit();
}

}  // namespace cutaway::io
