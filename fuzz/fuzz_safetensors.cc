#include <cutaway/error.h>

#include "fuzz_target.h"
#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = cutaway::io::read_safetensors(cutaway::fuzzed_file(data, size));
    for (const auto& tensor : file.tensors) cutaway::read_all(tensor);
  } catch (const cutaway::Error&) {
  }
  return 0;
}
