// Where a checkpoint keeps its chat template.
#include "fixture.h"

#include <cstring>

namespace cutaway {
namespace {

namespace fs = std::filesystem;

class ChatLoad : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("cutaway_chat_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const fs::path& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::string rendered(const ChatOptions& options = {}) const {
    return ChatTemplate::load(folder_).value().render({}, options);
  }
  fs::path folder_;
};

TEST_F(ChatLoad, AFolderWithoutATemplateHasNone) {
  EXPECT_FALSE(ChatTemplate::load(folder_).has_value());
  write("tokenizer_config.json", R"({"bos_token": "<s>", "chat_template": null})");
  EXPECT_FALSE(ChatTemplate::load(folder_).has_value());
}

TEST_F(ChatLoad, TheTokenizerConfigHoldsTheTemplateAndTheSpecialTokens) {
  write("tokenizer_config.json",
        R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
            "pad_token": null, "chat_template": "{{ bos_token }}a{{ eos_token }}{{ pad_token }}"})");
  EXPECT_EQ(rendered(), "<s>a</s>");
  const auto t = ChatTemplate::load(folder_).value();
  EXPECT_EQ(t.names(), std::vector<std::string>{"default"});
  EXPECT_EQ(t.source(), "{{ bos_token }}a{{ eos_token }}{{ pad_token }}");
  EXPECT_EQ(t.special_tokens().size(), 2U);
}

TEST_F(ChatLoad, NamedTemplatesAreChosenAsTransformersDoes) {
  write("tokenizer_config.json", R"({"chat_template": [{"name": "default", "template": "d"},
          {"name": "tool_use", "template": "t"}, {"name": "rag", "template": "r"}]})");
  EXPECT_EQ(rendered(), "d");
  EXPECT_EQ(rendered({.tools_json = "[]"}), "t");
  EXPECT_EQ(rendered({.name = "rag"}), "r");
  EXPECT_EQ(rendered({.tools_json = "[]", .name = "default"}), "d");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "r"}]})");
  EXPECT_THROW(rendered(), UnknownNameError);
}

TEST_F(ChatLoad, AFileOfItsOwnWins) {
  write("tokenizer_config.json", R"({"bos_token": "<s>", "chat_template": "config"})");
  write("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_EQ(rendered(), "config");
  write("chat_template.jinja", "{{ bos_token }}file\n");
  EXPECT_EQ(rendered(), "<s>file");
  write("additional_chat_templates/tool_use.jinja", "tools");
  EXPECT_EQ(rendered({.tools_json = "[]"}), "tools");
  EXPECT_EQ(ChatTemplate::load(folder_)->names(),
            (std::vector<std::string>{"default", "tool_use"}));
}

TEST_F(ChatLoad, AProcessorsTemplateIsTheLastResort) {
  write("chat_template.json", R"({"chat_template": "processor"})");
  EXPECT_EQ(rendered(), "processor");
}

TEST_F(ChatLoad, BrokenFilesAreNamed) {
  const auto message = [&]() -> std::string {
    try {
      ChatTemplate::load(folder_);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  };
  const std::string config = write("tokenizer_config.json", R"({"chat_template": 5})").string();
  EXPECT_EQ(message(), config + ": field 'chat_template' is an integer, expected a string");
  write("tokenizer_config.json", R"({"chat_template": "\n{% if %}"})");
  EXPECT_EQ(message(), config + ": line 2: found the end of the block, expected an expression");
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "a", "template": ""}, {"name": "a", "template": ""}]})");
  EXPECT_EQ(message(), config + ": two chat templates named 'a'");
  write("tokenizer_config.json", R"({"bos_token": [], "chat_template": ""})");
  EXPECT_NE(message(), "");
  const std::string file = write("chat_template.jinja", std::string(9 << 20, ' ')).string();
  write("tokenizer_config.json", "{}");
  EXPECT_EQ(message(), file + ": a chat template of 9437184 bytes, expected at most 8388608");
  EXPECT_THROW(ChatTemplate::load(folder_ / "nothing.txt"), ArgumentError);
  EXPECT_THROW(ChatTemplate::load(folder_ / "nothing.gguf"), IoError);
}

// The metadata of a GGUF v3 file without tensors.
class Gguf {
 public:
  void text(const std::string& key, const std::string& value) {
    begin(key, 8);
    put(value);
  }
  void number(const std::string& key, std::uint32_t value) {
    begin(key, 4);
    put(value);
  }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    begin(key, 9);
    put(std::uint32_t{8});
    put(std::uint64_t{values.size()});
    for (const std::string& value : values) put(value);
  }
  std::string file() const {
    Gguf head;
    head.out_ = "GGUF";
    head.put(std::uint32_t{3});
    head.put(std::uint64_t{0});
    head.put(std::uint64_t{count_});
    return head.out_ + out_;
  }

 private:
  template <typename T>
  void put(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out_.append(bytes, sizeof(T));
  }
  void put(const std::string& value) {
    put(std::uint64_t{value.size()});
    out_ += value;
  }
  void begin(const std::string& key, std::uint32_t type) {
    ++count_;
    put(key);
    put(type);
  }
  std::string out_;
  std::uint64_t count_ = 0;
};

TEST_F(ChatLoad, AGgufHoldsTheTemplateAndTheIdsOfTheSpecialTokens) {
  Gguf gguf;
  gguf.texts("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>"});
  gguf.number("tokenizer.ggml.bos_token_id", 1);
  gguf.number("tokenizer.ggml.eos_token_id", 2);
  gguf.number("tokenizer.ggml.padding_token_id", 77);
  const fs::path without = write("without.gguf", gguf.file());
  EXPECT_FALSE(ChatTemplate::load(without).has_value());
  gguf.text("tokenizer.chat_template", "{{ bos_token }}a{{ eos_token }}{{ pad_token }}");
  gguf.texts("tokenizer.chat_templates", {"tool_use"});
  gguf.text("tokenizer.chat_template.tool_use", "tools");
  const auto t = ChatTemplate::load(write("with.gguf", gguf.file())).value();
  EXPECT_EQ(t.render({}), "<s>a</s>");
  EXPECT_EQ(t.render({}, {.tools_json = "[]"}), "tools");
}

}  // namespace
}  // namespace cutaway
