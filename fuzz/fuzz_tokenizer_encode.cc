#include <cutaway/error.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "io/json.h"
#include "tokenizer/tokenizer_impl.h"

namespace {

using cutaway::Tokenizer;

constexpr const char* kAdded = R"("added_tokens":[{"id":7,"content":"<s>","single_word":false,)"
                               R"("lstrip":true,"rstrip":true,"normalized":true,"special":true}],)";
constexpr const char* kBpe =
    R"("model":{"type":"BPE","unk_token":"u","byte_fallback":true,"vocab":)"
    R"({"u":0,"a":1,"b":2,"ab":3,"aa":4,"\u0120":5,"\u2581":6},)"
    R"("merges":[["a","b"],["a","a"]]})";
constexpr const char* kUnigram =
    R"("model":{"type":"Unigram","unk_id":0,"vocab":[["u",0],["a",-1],)"
    R"(["b",-1],["ab",-1.5],["aa",-1.5],[" ",-2],["\u2581a",-2]]})";
constexpr const char* kWordPiece =
    R"("model":{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"##",)"
    R"("max_input_chars_per_word":20,"vocab":)"
    R"({"u":0,"a":1,"b":2,"##a":3,"##b":4,"aa":5,"##ab":6}})";

Tokenizer make(const char* parts, const char* model = kBpe) {
  const std::string text = std::string("{") + parts + kAdded + model + "}";
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
      make(R"("normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,)"
           R"("strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},)"
           R"("post_processor":{"type":"BertProcessing","sep":["a",1],"cls":["b",2]},)"
           R"("decoder":{"type":"WordPiece","prefix":"##","cleanup":true},)",
           kWordPiece),
      // The map of a small SentencePiece model (a to b, "e" U+0301 to U+00E9, U+0301 to nothing
      // ...).
      make(R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Precompiled",)"
           R"("precompiled_charsmap":")"
           R"(AAQAAAAMAAACFQAAARkAAGEVAAAAAACAAQAAgAUAAIADAACAzAgCAAoxAAAJPQAAgR0AABEAAICfDQAA)"
           R"(DgAAgAcAAICBUQAAhEQCAJKAAwDhDAIAoQkAAIWAAgAXAACAhKQCAKYFAAAUAACAgAQCAIB5AACsAAIA)"
           R"(gQ0AAAsAAIAeAAAAIQAAACAAAAAjAAAAIAQBACUAAAAkAAAAJwAAACYAAAApAAAAKAAAACsAAAAqAAAA)"
           R"(LQAAACwAAAAvAAAALgAAADEAAAAwAAAAMwAAADIAAAA1AAAANAAAADcAAAA2AAAAOQAAADgAAAA7AAAA)"
           R"(qdEAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAEkAAABIAAAA)"
           R"(SwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAA)"
           R"(WAAAAFsAAABaAAAAXQAAAFwAAABfAAAAXgAAAGEAAABgAAAAYZUBAGIAAABlAAAAZAAAAGWIAgBmAAAA)"
           R"(aQAAAGgAAABrAAAAagAAAG0AAABsAAAAbwAAAG4AAABxAAAAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAA)"
           R"(dgAAAHkAAAB4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAACDAAAAggAAAIUAAACEAAAA)"
           R"(hwAAAIYAAACJAAAAiAAAAIsAAACKAAAAjQAAAIwAAACPAAAAjgAAAJEAAACQAAAAkwAAAJIAAACVAAAA)"
           R"(lAAAAJcAAACWAAAAmQAAAJgAAACbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAKMAAACiAAAA)"
           R"(pQAAAKQAAACnAAAApgAAAKkAAACoAAAAqwAAAKoAAACtAAAArAAAAK8AAACuAAAAsQAAALAAAACzAAAA)"
           R"(sgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsAAAC6AAAAvQAAALwAAAC/AAAAvgAAAMNIAQDAAAAA)"
           R"(wwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADMAAAAzwAAAMx4AQDRAAAA)"
           R"(0AAAANMAAADSAAAA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2wAAANoAAADdAAAA3AAAAN8AAADeAAAA)"
           R"(4+gBAOLIAQDh3AEA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA6AAAAOsAAADqAAAA73ABAOwAAADvAAAA)"
           R"(7gAAAPEAAADwAAAA8wAAAPIAAAD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA)"
           R"(/wAAAP4AAAAAIABiAGMAZcyBAGZpAHNzAMOpAM6pAO2VmAA=)"
           R"("},{"type":"Nmt"},{"type":"Replace",)"
           R"("pattern":{"Regex":" {2,}|(?=b)|x"},"content":"\u2581"}]
},)"
           R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"UnicodeScripts"},)"
           R"({"type":"Punctuation","behavior":"MergedWithNext"}]},)"
           R"("decoder":{"type":"Metaspace","replacement":"\u2581","prepend_scheme":"always"},)",
           kUnigram),
      make(
          R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":)"
          R"({"Regex":"(?i:AB)|\\b\\w{2}|[^\\p{L}&&[^\\s]]+?|\\s+(?!\\S)|"},"behavior":"Isolated",)"
          R"("invert":false},{"type":"Whitespace"},{"type":"FixedLength","length":3}]},)"
          R"("decoder":{"type":"CTC","pad_token":"a","word_delimiter_token":"b","cleanup":true},)"),
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
