#include <cutaway/error.h>
#include <cutaway/tokenizer.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace cutaway {
namespace {

Tokenizer fixture(const std::string& name) {
  return Tokenizer::load(CUTAWAY_FIXTURES "/tokenizers/" + name + ".json");
}

template <typename Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Tokenizer, NamesTheByteWhereATextStopsBeingUtf8) {
  const Tokenizer tokenizer = fixture("llama3");
  EXPECT_THROW(tokenizer.encode("ab\xFF"), FormatError);
  EXPECT_EQ(message_of([&] { tokenizer.encode("ab\xFF"); }), "text: is not UTF-8: byte 2 is 0xFF");
}

TEST(Tokenizer, RefusesIdsOutsideTheVocabulary) {
  const Tokenizer tokenizer = fixture("llama3");
  const TokenId beyond = static_cast<TokenId>(tokenizer.vocab_size());
  EXPECT_THROW(tokenizer.piece(beyond), ArgumentError);
  EXPECT_THROW(tokenizer.piece(-1), ArgumentError);
  const TokenId ids[] = {0, beyond};
  EXPECT_THROW(tokenizer.decode(ids), ArgumentError);
}

TEST(Tokenizer, PieceAndIdAreInverse) {
  const Tokenizer tokenizer = fixture("gpt2");
  for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.vocab_size()); ++id) {
    EXPECT_EQ(tokenizer.id(tokenizer.piece(id)), id);
  }
  EXPECT_FALSE(tokenizer.id("no such piece"));
  EXPECT_TRUE(tokenizer.is_special(*tokenizer.id("<mask>")));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.id("[INST]")));
}

TEST(Tokenizer, SingleTokenListsThePiecesWhenItIsNotOne) {
  const Tokenizer tokenizer = fixture("llama3");
  EXPECT_EQ(tokenizer.single_token(" the"), *tokenizer.id("\xC4\xA0the"));
  const std::string message = message_of([&] { tokenizer.single_token("xyz"); });
  EXPECT_EQ(message, "'xyz': is 3 tokens: 'x', 'y', 'z', expected exactly one");
  EXPECT_THROW(tokenizer.single_token(""), ArgumentError);
}

TEST(Tokenizer, TakesAFolderAndItsBosAndEosFromTheNeighbours) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("cutaway_tokenizer_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(CUTAWAY_FIXTURES "/tokenizers/llama3.json", folder / "tokenizer.json",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_FALSE(Tokenizer::load(folder).bos());
  std::ofstream(folder / "special_tokens_map.json") << R"({"eos_token": "</s>"})";
  EXPECT_EQ(Tokenizer::load(folder).eos(), 1);
  std::ofstream(folder / "tokenizer_config.json")
      << R"({"bos_token": {"content": "<s>"}, "eos_token": "<|endoftext|>"})";
  const Tokenizer tokenizer = Tokenizer::load(folder);
  EXPECT_EQ(tokenizer.bos(), 0);
  EXPECT_EQ(tokenizer.eos(), 2);
  std::filesystem::remove_all(folder);
}

TEST(Tokenizer, AFileThatIsNotThereIsAnIoError) {
  EXPECT_THROW(Tokenizer::load(CUTAWAY_FIXTURES "/tokenizers/absent.json"), IoError);
  EXPECT_THROW(Tokenizer::load(CUTAWAY_FIXTURES "/tokenizers/absent.gguf"), IoError);
}

TEST(Tokenizer, LongRunsOfEveryKindAreEncodedInReasonableTime) {
  for (const char* name :
       {"llama3", "gpt2", "qwen2", "o200k", "spm_legacy", "spm_metaspace", "bert", "unigram",
        "unigram_bytes", "bpe_suffix", "deepseek", "tekken"}) {
    const Tokenizer tokenizer = fixture(name);
    for (const std::string unit : {"a", " ", "\n", "1", "A", "\xCC\x81",
                                   "\xE1\xB5\x83"
                                   "A",
                                   "<"}) {
      std::string text;
      while (text.size() < 200000) text += unit;
      const auto ids = tokenizer.encode(text, false);
      // White space and lone marks vanish in some of them.
      EXPECT_EQ(ids.empty(), ids.empty() && (unit == " " || unit == "\n" || unit == "\xCC\x81"));
    }
  }
}

}  // namespace
}  // namespace cutaway
