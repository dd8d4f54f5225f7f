#include <cutaway/error.h>

#include "fuzz_target.h"
#include "io/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = cutaway::io::GgufFile::read(cutaway::fuzzed_file(data, size));
    for (const auto& tensor : file.tensors()) cutaway::read_all(tensor);
    static_cast<void>(file.find_int("general.alignment"));
    static_cast<void>(file.find_strings("t.strings"));
  } catch (const cutaway::Error&) {
  }
  return 0;
}
