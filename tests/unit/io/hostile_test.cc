// Every file of tests/fixtures/hostile that a reader of this layer reads, against its manifest.
#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "io/gguf.h"
#include "io/json.h"
#include "io/npz.h"
#include "io/safetensors.h"
#include "io/torch_checkpoint.h"

namespace cutaway::io {
namespace {

// False if another layer reads files of this kind.
bool read_as(const std::string& reader, const std::filesystem::path& path) {
  if (reader == "safetensors") {
    read_safetensors(path);
  } else if (reader == "folder") {
    read_safetensors_folder(path);
  } else if (reader == "torch") {
    read_torch_checkpoint(path);
  } else if (reader == "torch_folder") {
    read_torch_folder(path);
  } else if (reader == "gguf") {
    GgufFile::read(path);
  } else if (reader == "npy") {
    read_npy(path);
  } else if (reader == "npz") {
    read_npz(path);
  } else if (reader == "json") {
    Json::load(path);
  } else {
    return false;
  }
  return true;
}

std::string class_of(const Error& error) {
  if (dynamic_cast<const IoError*>(&error) != nullptr) return "IoError";
  if (dynamic_cast<const FormatError*>(&error) != nullptr) return "FormatError";
  if (dynamic_cast<const UnsupportedError*>(&error) != nullptr) return "UnsupportedError";
  if (dynamic_cast<const ArgumentError*>(&error) != nullptr) return "ArgumentError";
  return "Error";
}

TEST(HostileFiles, EachGivesTheErrorThatTheManifestStates) {
  const auto folder = std::filesystem::path(CUTAWAY_FIXTURES) / "hostile";
  const Json manifest = Json::load(folder / "manifest.json");
  int checked = 0;
  for (const Json& row : manifest.items()) {
    const std::string& file = row.at("file").as_string();
    try {
      if (read_as(row.at("reader").as_string(), folder / file)) {
        ADD_FAILURE() << file << " was accepted";
      }
    } catch (const Error& error) {
      ++checked;
      const std::string message = error.what();
      EXPECT_EQ(class_of(error), row.at("error").as_string()) << file << ": " << message;
      EXPECT_NE(message.find(row.at("contains").as_string()), std::string::npos)
          << file << ": " << message;
      EXPECT_EQ(message.rfind((folder / file).string(), 0), 0u) << "names the file: " << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  EXPECT_GE(checked, 60);
}

}  // namespace
}  // namespace cutaway::io
