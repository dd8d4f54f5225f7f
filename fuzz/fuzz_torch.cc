#include <cutaway/error.h>

#include "fuzz_target.h"
#include "io/torch_checkpoint.h"
#include "io/torch_pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = cutaway::fuzzed_file(data, size);
  try {
    for (const auto& tensor : cutaway::io::read_torch_checkpoint(file)) cutaway::read_all(tensor);
  } catch (const cutaway::Error&) {
  }
  // The pickle alone: no archive around it that a mutation could break first.
  try {
    cutaway::io::ByteReader in(file->bytes(), "fuzz");
    cutaway::io::read_torch_pickle(in);
  } catch (const cutaway::Error&) {
  }
  return 0;
}
