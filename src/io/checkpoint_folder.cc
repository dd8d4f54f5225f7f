#include "io/checkpoint_folder.h"

#include <cutaway/error.h>

#include "io/safetensors.h"
#include "io/torch_checkpoint.h"

namespace cutaway::io {

std::vector<StoredTensor> read_checkpoint_folder(const std::filesystem::path& folder,
                                                 bool use_mmap) {
  const auto has = [&](const char* name) {
    std::error_code ignored;
    return std::filesystem::exists(folder / name, ignored);
  };
  if (has("model.safetensors") || has("model.safetensors.index.json"))
    return read_safetensors_folder(folder, use_mmap);
  if (has("pytorch_model.bin") || has("pytorch_model.bin.index.json"))
    return read_torch_folder(folder, use_mmap);
  throw IoError(folder.string(),
                "has neither model.safetensors nor pytorch_model.bin, nor an index of either");
}

}  // namespace cutaway::io
