#include "io/atomic_file.h"

#include <cutaway/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace cutaway::io {
namespace {

constexpr int kMostAttempts = 1000;        // temporaries that a crashed process left
constexpr std::size_t kLongestStem = 200;  // with the suffix, below the 255 bytes of a name
constexpr std::size_t kLargestWrite = std::size_t{1} << 30;  // Linux writes 2 GiB at most

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
  throw IoError(path.string(), fmt::format("{}: {}", what, std::generic_category().message(error)));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  const std::string name = path_.filename().string();
  if (name.empty() || name == "." || name == "..") {
    throw IoError(path_.string(), "does not name a file");
  }
  for (int attempt = 0;; ++attempt) {
    temporary_ = (folder_of(path_) / fmt::format(".{}.cutaway-{}-{}.tmp",
                                                 name.substr(0, kLongestStem), ::getpid(), attempt))
                     .string();
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    if (errno == EINTR) continue;
    if (errno != EEXIST || attempt >= kMostAttempts) fail(path_, "cannot be created", errno);
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_, bytes.data(), std::min(bytes.size(), kLargestWrite));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, fmt::format("cannot be written ({} bytes left)", bytes.size()), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(path_, "cannot be flushed to disk", errno);
  const int closed = ::close(std::exchange(fd_, -1));
  if (closed != 0) fail(path_, "cannot be closed", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail(path_, "cannot be put in place", errno);
  }
  temporary_.clear();
  // Some file systems cannot flush a folder (EINVAL); the rename itself is done.
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  const int flushed = ::fsync(folder);
  const int error = errno;
  ::close(folder);
  if (flushed != 0 && error != EINVAL) fail(path_, "its folder cannot be flushed to disk", error);
}

}  // namespace cutaway::io
