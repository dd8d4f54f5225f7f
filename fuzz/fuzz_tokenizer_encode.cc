#include <cutaway/error.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "io/json.h"
#include "tokenizer/tokenizer_impl.h"

namespace {

using cutaway::Tokenizer;

Tokenizer make(const char* parts) {
  const std::string bytes = R"("added_tokens":[{"id":7,"content":"<s>","single_word":false,)"
                            R"("lstrip":true,"rstrip":true,"normalized":true,"special":true}],)"
                            R"("model":{"type":"BPE","unk_token":"u","byte_fallback":true,"vocab":)"
                            R"({"u":0,"a":1,"b":2,"ab":3,"aa":4,"\u0120":5,"\u2581":6},)"
                            R"("merges":[["a","b"],["a","a"]]}})";
  const std::string text = std::string("{") + parts + bytes;
  return Tokenizer(
      cutaway::tokenizer::parse_tokenizer(cutaway::io::Json::parse(text, "fuzz"), "fuzz"));
}

}  // namespace

// Any text: offsets lie in order inside the text and on code point boundaries; both calls agree.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tokenizer tokenizers[] = {
      make(
          R"("normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true,)"
          R"("trim_offsets":true},"post_processor":{"type":"ByteLevel","add_prefix_space":true,)"
          R"("trim_offsets":true},"decoder":{"type":"ByteLevel"},)"),
      make(
          R"("normalizer":{"type":"NFKD"},"pre_tokenizer":{"type":"Metaspace","replacement":"\u2581",)"
          R"("prepend_scheme":"first"},"decoder":{"type":"ByteFallback"},)"),
  };
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Tokenizer& tokenizer : tokenizers) {
    try {
      const auto encoding = tokenizer.encode_with_offsets(text);
      if (encoding.ids != tokenizer.encode(text)) throw std::logic_error("encode differs");
      for (const auto& range : encoding.bytes) {
        const bool cuts = range.end < text.size() && (text[range.end] & 0xC0) == 0x80;
        if (range.begin > range.end || range.end > text.size() || cuts) {
          throw std::logic_error("an offset is outside the text or inside a character");
        }
      }
      static_cast<void>(tokenizer.decode(encoding.ids));
    } catch (const cutaway::Error&) {
    }
  }
  return 0;
}
