// The tensors of a Hugging Face checkpoint folder, in whichever format it has.
#pragma once

#include <filesystem>
#include <vector>

#include "io/stored_tensor.h"

namespace cutaway::io {

/// safetensors, single or sharded; else torch's pickles (read as data, torch_checkpoint.h). throws
/// as the two readers; IoError naming the folder if it has neither.
std::vector<StoredTensor> read_checkpoint_folder(const std::filesystem::path& folder,
                                                 bool use_mmap = true);

}  // namespace cutaway::io
