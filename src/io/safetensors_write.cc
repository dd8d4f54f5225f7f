#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>

#include "io/atomic_file.h"
#include "io/json_writer.h"
#include "io/safetensors.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

constexpr std::size_t kLargestHeader = 100'000'000;

std::string format_name(DType dtype) {
  std::string name(dtype_info(dtype).name);
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

void check(std::span<const TensorToWrite> tensors, const std::string& origin) {
  std::set<std::string_view> names;
  for (const TensorToWrite& tensor : tensors) {
    const std::string what = fmt::format("tensor '{}'", printable(tensor.name));
    if (!is_utf8(tensor.name) || tensor.name == "__metadata__") {
      throw ArgumentError(origin, what + " has a name that the format does not allow");
    }
    if (!names.insert(tensor.name).second) {
      throw ArgumentError(origin, what + " is given more than once");
    }
    if (dtype_info(tensor.dtype).block_size > 1) {
      throw ArgumentError(origin, fmt::format("{} is of {} blocks, expected a plain dtype", what,
                                              dtype_info(tensor.dtype).name));
    }
    const auto size = checked_bytes(tensor.dtype, tensor.shape);
    if (!size || *size != tensor.bytes.size()) {
      throw ArgumentError(
          origin, fmt::format("{} has {} bytes for shape {} of {}", what, tensor.bytes.size(),
                              shape_text(tensor.shape), dtype_info(tensor.dtype).name));
    }
  }
}

std::string make_header(const std::vector<const TensorToWrite*>& order,
                        const std::map<std::string, std::string>& metadata) {
  JsonWriter json(0);
  json.begin_object();
  if (!metadata.empty()) {
    json.key("__metadata__");
    json.begin_object();
    for (const auto& [key, text] : metadata) json.member(key, text);
    json.end_object();
  }
  std::size_t at = 0;
  for (const TensorToWrite* tensor : order) {
    json.key(tensor->name);
    json.begin_object();
    json.member("dtype", format_name(tensor->dtype));
    json.key("shape");
    json.begin_array();
    for (const std::size_t extent : tensor->shape) json.value(extent);
    json.end_array();
    json.key("data_offsets");
    json.begin_array();
    json.value(at);
    json.value(at + tensor->bytes.size());
    json.end_array();
    json.end_object();
    at += tensor->bytes.size();
  }
  json.end_object();
  std::string header = json.take();
  header.pop_back();                                // the format knows spaces only as padding
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  return header;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  check(tensors, path.string());
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    return dtype_info(a->dtype).block_bytes > dtype_info(b->dtype).block_bytes;
  });
  const std::string header = make_header(order, metadata);
  if (header.size() > kLargestHeader) {
    throw ArgumentError(
        path.string(), fmt::format("needs a header of {} bytes, expected at most {}", header.size(),
                                   kLargestHeader));
  }
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const TensorToWrite* tensor : order) file.write(tensor->bytes);
  file.commit();
}

}  // namespace cutaway::io
