#include "io/atomic_file.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(AtomicFile, AppearsWholeOnCommit) {
  const TemporaryFolder folder;
  const auto path = folder.write("f", "old");
  AtomicFile file(path);
  file.write("new ");
  file.write("text");
  EXPECT_EQ(content(path), "old");
  file.commit();
  EXPECT_EQ(content(path), "new text");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, WithoutCommitNothingIsLeftAndTheOldFileStays) {
  const TemporaryFolder folder;
  const auto path = folder.write("f", "old");
  { AtomicFile(path).write("new"); }
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, TwoWritersOfOneNameDoNotMix) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f";
  AtomicFile a(path);
  AtomicFile b(path);
  a.write("a");
  b.write("b");
  b.commit();
  a.commit();
  EXPECT_EQ(content(path), "a");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(AtomicFile, AMissingFolderIsAnIoErrorNamingTheFile) {
  const TemporaryFolder folder;
  try {
    AtomicFile file(folder.path() / "absent" / "f");
    FAIL();
  } catch (const IoError& error) {
    EXPECT_EQ(error.subject(), (folder.path() / "absent" / "f").string());
    EXPECT_EQ(error.detail(), "cannot be created: No such file or directory");
  }
}

TEST(AtomicFile, AFolderInThePlaceOfTheFileStays) {
  const TemporaryFolder folder;
  folder.write("f/inner", "x");
  AtomicFile file(folder.path() / "f");
  file.write("y");
  EXPECT_THROW(file.commit(), IoError);
  EXPECT_EQ(content(folder.path() / "f" / "inner"), "x");
}

// The file size limit stands in for a full disk: write() fails after some bytes went through.
TEST(AtomicFile, AFailedWriteLeavesTheOldFileAndNoTemporary) {
  const TemporaryFolder folder;
  const auto path = folder.write("f", "old");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit limited = before;
  limited.rlim_cur = 4096;
  setrlimit(RLIMIT_FSIZE, &limited);
  std::string message;
  try {
    AtomicFile file(path);
    file.write(std::string(10000, 'x'));
    file.commit();
  } catch (const IoError& error) {
    message = error.detail();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot be written (5904 bytes left): File too large");
  EXPECT_EQ(content(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

}  // namespace
}  // namespace cutaway::io
