// Every file of tests/fixtures/hostile_tokenizers against its manifest.
#include <cutaway/error.h>
#include <cutaway/tokenizer.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "io/json.h"

namespace cutaway {
namespace {

std::string class_of(const Error& error) {
  if (dynamic_cast<const FormatError*>(&error) != nullptr) return "FormatError";
  if (dynamic_cast<const UnsupportedError*>(&error) != nullptr) return "UnsupportedError";
  return "another error";
}

TEST(HostileTokenizers, AreRefusedWithTheErrorThatTheManifestStates) {
  const std::filesystem::path folder = CUTAWAY_FIXTURES "/hostile_tokenizers";
  const io::Json manifest = io::Json::load(folder / "manifest.json");
  int checked = 0;
  for (const io::Json& row : manifest.items()) {
    const std::filesystem::path file = folder / row.at("file").as_string();
    try {
      Tokenizer::load(file);
      ADD_FAILURE() << file << " was accepted";
    } catch (const Error& error) {
      ++checked;
      const std::string message = error.what();
      EXPECT_EQ(class_of(error), row.at("error").as_string()) << message;
      EXPECT_NE(message.find(row.at("contains").as_string()), std::string::npos)
          << file << ": " << message;
      EXPECT_EQ(message.rfind(file.string(), 0), 0u) << "names the file: " << message;
    }
  }
  EXPECT_GE(checked, 60);
}

}  // namespace
}  // namespace cutaway
