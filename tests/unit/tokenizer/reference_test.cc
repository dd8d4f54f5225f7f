// Ids, pieces, offsets and decoded text as Hugging Face tokenizers gives them, for hostile texts.
// The oracle's output was recorded by make_tokenizers.py and make_more_tokenizers.py of
// tests/fixtures/tokenizers.
#include <cutaway/tokenizer.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/json.h"

namespace cutaway {
namespace {

std::vector<std::int64_t> ints(const io::Json& json) {
  std::vector<std::int64_t> out;
  for (const io::Json& item : json.items()) out.push_back(item.as_int());
  return out;
}

std::vector<std::int64_t> flat(const std::vector<TextRange>& ranges) {
  std::vector<std::int64_t> out;
  for (const TextRange& range : ranges) {
    out.push_back(static_cast<std::int64_t>(range.begin));
    out.push_back(static_cast<std::int64_t>(range.end));
  }
  return out;
}

class Reference : public testing::TestWithParam<const char*> {};

TEST_P(Reference, IsReproducedExactly) {
  const std::filesystem::path folder = CUTAWAY_FIXTURES "/tokenizers";
  const std::string name = GetParam();
  const Tokenizer tokenizer = Tokenizer::load(folder / (name + ".json"));
  const io::Json expected = io::Json::load(folder / (name + ".expected.json"));
  ASSERT_GE(expected.at("texts").items().size(), 130u);
  for (const io::Json& row : expected.at("texts").items()) {
    const std::string& text = row.at("t").as_string();
    const Encoding encoding = tokenizer.encode_with_offsets(text);
    std::vector<std::string> pieces;
    for (const io::Json& piece : row.at("pieces").items()) pieces.push_back(piece.as_string());
    const std::vector<std::int64_t> ids(encoding.ids.begin(), encoding.ids.end());
    const std::vector<std::int64_t> special(encoding.special.begin(), encoding.special.end());
    ASSERT_EQ(ids, ints(row.at("ids"))) << text;
    EXPECT_EQ(encoding.pieces, pieces) << text;
    EXPECT_EQ(flat(encoding.chars), ints(row.at("chars"))) << text;
    EXPECT_EQ(flat(encoding.bytes), ints(row.at("bytes"))) << text;
    EXPECT_EQ(special, ints(row.at("special"))) << text;
    EXPECT_EQ(tokenizer.encode(text), encoding.ids) << text;
    const auto plain = tokenizer.encode(text, false);
    EXPECT_EQ(std::vector<std::int64_t>(plain.begin(), plain.end()), ints(row.at("plain"))) << text;
    for (const bool skip : {false, true}) {
      EXPECT_EQ(tokenizer.decode(encoding.ids, skip),
                row.at("decoded").items()[skip ? 1 : 0].as_string())
          << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Reference,
                         testing::Values("llama3", "gpt2", "qwen2", "smollm", "o200k", "spm_legacy",
                                         "spm_gemma", "spm_metaspace", "bert", "word_level",
                                         "scripts", "unigram", "unigram_bytes", "bpe_suffix",
                                         "bpe_prefix", "deepseek", "tekken", "unusual_regex"),
                         [](const auto& named) { return std::string(named.param); });

}  // namespace
}  // namespace cutaway
