#include <string_view>

#include <cutaway/error.h>

#include "fuzz_target.h"
#include "model/config_hf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(cutaway::config_from_json(cutaway::io::Json::parse(text, "fuzz"), {}));
  } catch (const cutaway::Error&) {
  }
  return 0;
}
