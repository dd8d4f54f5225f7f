// Checkpoints of torch.save: pytorch_model.bin, .pt, .pth.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/stored_tensor.h"

namespace cutaway::io {

/// The tensors of a state dict that torch.save wrote, in its order: the zip format (torch 1.6 and
/// later) and the one before. Nothing in the file is executed (torch_pickle.h); a file that holds
/// more than tensors and plain values is refused.
///
/// The dictionary may stand alone, or in another one as `state_dict`, `model_state_dict` or `model`
/// (a checkpoint of training, whose other entries are left unread). Bytes are views into the file.
/// Copied are the tensors of compressed members, and those whose elements do not lie in order
/// (transposed, sliced); tensors that share memory then share the copy only if they are the same
/// view. Members' checksums are not compared, so that a file opens without being read.
///
/// throws IoError; FormatError (a broken archive or pickle, a storage that is missing or of another
/// size, a view beyond its storage, a name that is there twice); UnsupportedError (other opcodes or
/// names than those of tensors, big-endian, TorchScript, a view that shows an element twice,
/// compressed members or copies far larger than the file, no dictionary of tensors: lists the
/// keys).
std::vector<StoredTensor> read_torch_checkpoint(const std::filesystem::path& path,
                                                bool use_mmap = true);
std::vector<StoredTensor> read_torch_checkpoint(std::shared_ptr<const MappedFile> file);

/// All tensors of a model folder: `pytorch_model.bin`, or the shards of
/// `pytorch_model.bin.index.json`; errors as in read_safetensors_folder.
std::vector<StoredTensor> read_torch_folder(const std::filesystem::path& folder,
                                            bool use_mmap = true);

}  // namespace cutaway::io
