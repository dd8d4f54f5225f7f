// A model in a folder: one file of tensors, or the shards that an index lists.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "io/stored_tensor.h"

namespace cutaway::io {

/// All tensors of FOLDER/SINGLE, or of the shards that FOLDER/SINGLE.index.json lists. throws
/// FormatError if a shard lacks a tensor that the index promises, two shards hold one name, or a
/// shard's name leads out of the folder; IoError naming a missing shard, or the folder if it has
/// neither file.
std::vector<StoredTensor> read_model_folder(
    const std::filesystem::path& folder, std::string_view single,
    FunctionRef<std::vector<StoredTensor>(const std::filesystem::path& file)> read);

}  // namespace cutaway::io
