#include "io/mapped_file.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

TEST(MappedFile, MappedAndReadBytesAreTheSame) {
  const TemporaryFolder folder;
  const auto path = folder.write("f.bin", std::string_view("hello\0world", 11));
  const auto mapped = MappedFile::open(path, true);
  const auto read = MappedFile::open(path, false);
  ASSERT_EQ(mapped->bytes().size(), 11u);
  EXPECT_TRUE(std::ranges::equal(mapped->bytes(), read->bytes()));
  EXPECT_EQ(mapped->path(), path);
}

TEST(MappedFile, AnEmptyFileGivesNoBytes) {
  const TemporaryFolder folder;
  const auto path = folder.write("empty", "");
  EXPECT_TRUE(MappedFile::open(path)->bytes().empty());
  EXPECT_TRUE(MappedFile::open(path, false)->bytes().empty());
}

TEST(MappedFile, ErrorsNameTheFileAndTheReason) {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "missing.bin";
  try {
    MappedFile::open(missing);
    FAIL();
  } catch (const IoError& error) {
    EXPECT_EQ(error.subject(), missing.string());
    EXPECT_NE(error.detail().find("No such file"), std::string::npos) << error.what();
  }
  try {
    MappedFile::open(folder.path());
    FAIL();
  } catch (const IoError& error) {
    EXPECT_EQ(error.detail(), "is a folder, expected a file");
  }
}

}  // namespace
}  // namespace cutaway::io
