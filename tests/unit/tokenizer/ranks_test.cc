// Vocabularies of byte strings by rank, against tiktoken: tests/fixtures/tokenizers/make_ranks.py.
#include <cutaway/error.h>
#include <cutaway/tokenizer.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/json.h"
#include "tokenizer/tokenizer_impl.h"

namespace cutaway {
namespace {

const std::filesystem::path kFolder = CUTAWAY_FIXTURES "/tokenizers";

std::vector<TokenId> ids_of(const io::Json& json) {
  std::vector<TokenId> out;
  for (const io::Json& item : json.items()) out.push_back(static_cast<TokenId>(item.as_int()));
  return out;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Ranks, AreEncodedAndDecodedAsTiktokenDoes) {
  const Tokenizer list(tokenizer::parse_tiktoken(read(kFolder / "ranks.tiktoken"), "ranks",
                                                 tokenizer::KnownPattern::kGpt2));
  const Tokenizer tekken = Tokenizer::load(kFolder / "ranks_tekken.json");
  const io::Json expected = io::Json::load(kFolder / "ranks.expected.json");
  ASSERT_GE(expected.at("texts").items().size(), 140u);
  for (const io::Json& row : expected.at("texts").items()) {
    const std::string& text = row.at("t").as_string();
    const auto ids = list.encode(text);
    EXPECT_EQ(ids, ids_of(row.at("list"))) << text;
    EXPECT_EQ(list.decode(ids), row.at("decoded").as_string());
    EXPECT_EQ(tekken.encode(text, false), ids_of(row.at("tekken"))) << text;
    const Encoding encoding = tekken.encode_with_offsets(text, false);
    EXPECT_EQ(encoding.ids, ids_of(row.at("tekken"))) << text;
    EXPECT_EQ(encoding.bytes.empty() ? 0 : encoding.bytes.back().end, text.size()) << text;
  }
}

TEST(Ranks, ATekkenFileBringsItsSpecialTokens) {
  const Tokenizer tekken = Tokenizer::load(kFolder / "ranks_tekken.json");
  EXPECT_EQ(tekken.bos(), 1);
  EXPECT_EQ(tekken.eos(), 2);
  EXPECT_TRUE(tekken.is_special(6));
  EXPECT_EQ(tekken.piece(6), "<SPECIAL_6>");
  EXPECT_EQ(tekken.encode("").front(), 1);
  EXPECT_EQ(tekken.decode(tekken.encode("a b"), true), "a b");
  EXPECT_FALSE(tekken.id("unused"));  // behind what the model uses
}

TEST(Ranks, AreFoundInAFolderWithoutATokenizerJson) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("cutaway_ranks_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  EXPECT_THROW(Tokenizer::load(folder), IoError);
  std::ofstream(folder / "tokenizer.model") << "\n\x0E\n\x05<unk>";
  EXPECT_THROW(Tokenizer::load(folder), UnsupportedError);  // SentencePiece's own format
  std::filesystem::copy_file(kFolder / "ranks.tiktoken", folder / "ranks.tiktoken");
  EXPECT_THROW(Tokenizer::load(folder), UnsupportedError);  // of no published length
  std::filesystem::copy_file(kFolder / "ranks_tekken.json", folder / "tekken.json");
  EXPECT_EQ(Tokenizer::load(folder).bos(), 1);
  std::filesystem::copy_file(kFolder / "gpt2.json", folder / "tokenizer.json");
  EXPECT_FALSE(Tokenizer::load(folder).bos());
  std::filesystem::remove_all(folder);
}

TEST(Ranks, BrokenListsNameTheEntry) {
  const auto message = [](const std::string& text) {
    try {
      tokenizer::parse_tiktoken(text, "file", tokenizer::KnownPattern::kGpt2);
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_EQ(message(""), "file: has no tokens");
  EXPECT_EQ(message("YQ==\n"), "file: entry 1 is no token in base64, a space and its rank");
  EXPECT_EQ(message("YQ== 0x\n"), "file: entry 1 is no token in base64, a space and its rank");
  EXPECT_EQ(message("Y!== 0\n"), "file: entry 1 is no token in base64, a space and its rank");
  EXPECT_EQ(message("YQ== 0\r\n 1\n"), "file: entry 2 is an empty token");
  EXPECT_EQ(message("YQ== 0\nYg== 0\n"), "file: entry 2 has the id 0, which is also that of 'a'");
  EXPECT_EQ(message("YQ== 0\nYQ== 1\n"), "file: entry 2 is 'a' a second time");
  EXPECT_EQ(message("YQ== -1\n"), "file: entry 1 has the id -1, expected 0 to 65539 for 1 tokens");
  EXPECT_EQ(message("YQ== 99999999\n"),
            "file: entry 1 has the id 99999999, expected 0 to 65539 for 1 tokens");
  EXPECT_EQ(message("YQ== 0\n"), "file: has no token for the byte 0x00 alone");
}

}  // namespace
}  // namespace cutaway
