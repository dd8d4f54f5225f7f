// A GGUF file as far as a model goes: metadata to config, tensors to weights.
#include <cutaway/error.h>

#include "fuzz_target.h"
#include "io/gguf.h"
#include "model/config_gguf.h"
#include "model/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = cutaway::io::GgufFile::read(cutaway::fuzzed_file(data, size));
    const cutaway::ModelConfig config = cutaway::config_from_gguf(file, {});
    const cutaway::Family& family = *cutaway::find_family(config.model_type);
    const cutaway::Weights weights =
        cutaway::load_weights(config, family, cutaway::TensorSource::from_gguf(file, family), true);
    cutaway::check_finite_weights(weights);
  } catch (const cutaway::Error&) {
  }
  return 0;
}
