#include <cutaway/error.h>

#include "fuzz_target.h"
#include "io/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = cutaway::fuzzed_file(data, size);
  try {
    // A .npy starts with byte 0x93, a zip with 'P': the first byte chooses the reader.
    if (size > 0 && data[0] == 0x93) {
      cutaway::read_all(cutaway::io::parse_npy(file, file->bytes(), "fuzz").tensor);
    } else {
      for (const auto& array : cutaway::io::read_npz(file)) cutaway::read_all(array.tensor);
    }
  } catch (const cutaway::Error&) {
  }
  return 0;
}
