#include <cutaway/error.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "io/json.h"
#include "tokenizer/tokenizer_impl.h"

// Any tokenizer.json or tekken.json either loads and then encodes and decodes, or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const cutaway::io::Json json = cutaway::io::Json::parse(text, "fuzz");
    const cutaway::Tokenizer tokenizer(json.find("model") == nullptr
                                           ? cutaway::tokenizer::parse_tekken(json, "fuzz")
                                           : cutaway::tokenizer::parse_tokenizer(json, "fuzz"));
    for (const char* input : {"", "a b  ab\n<s>12", "\xC3\xA9\xCC\x81 \xE2\x96\x81x"}) {
      const auto encoding = tokenizer.encode_with_offsets(input);
      if (encoding.ids != tokenizer.encode(input)) throw std::logic_error("encode differs");
      static_cast<void>(tokenizer.decode(encoding.ids, true));
    }
  } catch (const cutaway::Error&) {
  }
  return 0;
}
