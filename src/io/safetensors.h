// The safetensors format: an 8-byte header length, a JSON header, then the bytes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/stored_tensor.h"

namespace cutaway::io {

struct SafetensorsFile {
  std::vector<StoredTensor> tensors;            ///< in the order of their bytes
  std::map<std::string, std::string> metadata;  ///< `__metadata__`
};

/// Checks what the reference reader checks: header at most 100,000,000 bytes and within the file,
/// strict JSON object, no duplicate names, known dtypes, shape × dtype = byte range without
/// overflow, ranges that neither overlap nor leave holes nor stop short of the end. throws IoError,
/// FormatError (file, tensor, what was found), UnsupportedError (a dtype that we do not read: names
/// it).
SafetensorsFile read_safetensors(const std::filesystem::path& path, bool use_mmap = true);
SafetensorsFile read_safetensors(std::shared_ptr<const MappedFile> file);

/// All tensors of a model folder: `model.safetensors`, or the shards of
/// `model.safetensors.index.json`. throws FormatError if a shard lacks a tensor that the index
/// promises, two shards hold one name, or a shard's name leads out of the folder; IoError naming a
/// missing shard, or the folder if it has neither file.
std::vector<StoredTensor> read_safetensors_folder(const std::filesystem::path& folder,
                                                  bool use_mmap = true);

/// A tensor to write: borrowed bytes.
struct TensorToWrite {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;
  std::span<const std::byte> bytes;
};
/// Written to a temporary name beside it, flushed, renamed. Wide dtypes come first, so that every
/// tensor is aligned; the order given holds within a width. throws IoError (disk full: the old file
/// stays), ArgumentError (duplicate name, wrong size, GGUF blocks).
void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace cutaway::io
