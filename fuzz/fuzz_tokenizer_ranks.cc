#include <cutaway/error.h>

#include <string_view>

#include "fuzz_target.h"
#include "tokenizer/tokenizer_impl.h"

// Any list of tokens and ranks either loads and then encodes and decodes, or is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const cutaway::Tokenizer tokenizer(
        cutaway::tokenizer::parse_tiktoken(text, "fuzz", cutaway::tokenizer::KnownPattern::kGpt2));
    static_cast<void>(tokenizer.decode(tokenizer.encode("a b  ab\n<s>12 \xC3\xA9the the")));
  } catch (const cutaway::Error&) {
  }
  return 0;
}
