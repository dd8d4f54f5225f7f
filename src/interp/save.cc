#include <cutaway/error.h>
#include <cutaway/save.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/names.h"
#include "io/npz.h"
#include "io/safetensors.h"

namespace cutaway {
namespace {

using io::StoredTensor;
using io::TensorToWrite;

TensorToWrite borrow(std::string name, const Tensor& tensor) {
  return {std::move(name), DType::kF32, tensor.shape(), std::as_bytes(tensor.values())};
}

void write(const std::vector<TensorToWrite>& arrays, const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".npz") {
    io::write_npz(path, arrays);
  } else if (ending == ".safetensors") {
    io::write_safetensors(path, arrays);
  } else {
    throw ArgumentError(path.string(),
                        fmt::format("the file's ending is '{}', expected .npz or .safetensors",
                                    ending.empty() ? "(none)" : ending));
  }
}

struct Reference {
  std::string file;
  std::string ending;
  std::optional<std::string> name;
};

// "FILE.npz:NAME". The first known ending that stands at the end or before a colon ends the file's
// name, so that the array's own name may hold colons (":before").
Reference parse_reference(const std::string& reference) {
  constexpr std::array<std::string_view, 3> kEndings = {".npy", ".npz", ".safetensors"};
  for (std::size_t at = 0; at < reference.size(); ++at) {
    for (std::string_view ending : kEndings) {
      if (reference.compare(at, ending.size(), ending) != 0) continue;
      const std::size_t end = at + ending.size();
      if (end == reference.size()) return {reference, std::string(ending), {}};
      if (reference[end] == ':') {
        return {reference.substr(0, end), std::string(ending), reference.substr(end + 1)};
      }
    }
  }
  throw ArgumentError(reference,
                      "not an array file, expected FILE.npy, FILE.npz:NAME or "
                      "FILE.safetensors:NAME");
}

Tensor widen(const StoredTensor& stored) {
  Tensor out = Tensor::uninitialized(stored.shape);
  io::to_f32(stored, out.values());
  return out;
}

std::size_t pick(const Reference& reference, const std::vector<std::string>& names) {
  if (!reference.name) {
    if (names.size() == 1) return 0;
    throw ArgumentError(
        reference.file,
        fmt::format("the file holds {} arrays, expected one, or a name as in {}:{}", names.size(),
                    reference.file, names.empty() ? "NAME" : names.front()));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == *reference.name) return i;
  }
  std::vector<std::string> suggestions = nearest_names(*reference.name, names);
  throw UnknownNameError(reference.file,
                         fmt::format("no array is named '{}', expected one of its {} names{}",
                                     *reference.name, names.size(), did_you_mean(suggestions)),
                         suggestions);
}

}  // namespace

void save(const ActivationCache& cache, const std::filesystem::path& path) {
  std::vector<TensorToWrite> arrays;
  for (const auto& [point, when] : cache.keys()) {
    arrays.push_back(borrow(ActivationCache::key_name(point, when), cache.at(point, when)));
  }
  write(arrays, path);
}

void save(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path) {
  std::vector<TensorToWrite> arrays;
  for (const auto& [name, tensor] : tensors) arrays.push_back(borrow(name, tensor));
  write(arrays, path);
}

Tensor load_tensor(const std::string& reference) {
  const Reference parsed = parse_reference(reference);
  if (parsed.ending == ".npy") {
    if (parsed.name) {
      throw ArgumentError(reference,
                          "a .npy file holds one array without a name, expected FILE.npy");
    }
    return widen(io::read_npy(parsed.file).tensor);
  }
  std::vector<std::string> names;
  if (parsed.ending == ".npz") {
    const std::vector<io::NpyArray> arrays = io::read_npz(parsed.file);
    for (const io::NpyArray& array : arrays) names.push_back(array.tensor.name);
    return widen(arrays[pick(parsed, names)].tensor);
  }
  const io::SafetensorsFile file = io::read_safetensors(parsed.file);
  for (const StoredTensor& tensor : file.tensors) names.push_back(tensor.name);
  return widen(file.tensors[pick(parsed, names)]);
}

}  // namespace cutaway
