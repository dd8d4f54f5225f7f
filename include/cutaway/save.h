// Arrays to and from files: .npy, .npz, .safetensors.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <cutaway/hooks.h>
#include <cutaway/tensor.h>

namespace cutaway {

/// Write captured activations, by the file's ending: `.npz` (stored, zip64 when large) or
/// `.safetensors`. The names are `ActivationCache::key_name`. The file is written under a temporary
/// name and renamed: readers see the old file or the whole new one. throws ArgumentError for
/// another ending, IoError.
void save(const ActivationCache& cache, const std::filesystem::path& path);
void save(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path);

/// One array as f32. `reference` is "FILE.npy", "FILE.npz:NAME" or "FILE.safetensors:NAME"; NAME
/// may be left out when the file holds one array. throws IoError, FormatError, UnknownNameError
/// (with the nearest names).
Tensor load_tensor(const std::string& reference);

}  // namespace cutaway
