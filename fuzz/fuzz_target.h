// What every target shares: the entry point that libFuzzer and replay_main.cc call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/mapped_file.h"
#include "io/stored_tensor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace cutaway {

inline std::shared_ptr<const io::MappedFile> fuzzed_file(const std::uint8_t* data,
                                                         std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  return io::MappedFile::from_bytes("fuzz", std::vector<std::byte>(bytes, bytes + size));
}

/// Touches every byte of a tensor, so that a wrong span is seen by the sanitizers.
inline void read_all(const io::StoredTensor& tensor) {
  if (dtype_info(tensor.dtype).block_size > 1) return;
  std::vector<float> out(tensor.count());
  io::to_f32(tensor, out);
}

}  // namespace cutaway
