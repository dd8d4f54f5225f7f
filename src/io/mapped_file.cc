#include "io/mapped_file.h"

#include <cutaway/error.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace cutaway::io {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
  throw IoError(path.string(), fmt::format("{}: {}", what, std::generic_category().message(error)));
}

class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path) {
    do {
      fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail(path, "cannot be opened", errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

std::vector<std::byte> read_whole(int fd, std::size_t size, const std::filesystem::path& path) {
  std::vector<std::byte> bytes(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::read(fd, bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot be read", errno);
    if (got == 0) {
      throw IoError(path.string(),
                    fmt::format("ended after {} bytes while it was read, expected {}", done, size));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path,
                                                   bool use_mmap) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(path, "cannot be examined", errno);
  if (S_ISDIR(status.st_mode)) throw IoError(path.string(), "is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) throw IoError(path.string(), "is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!use_mmap || size == 0) {
    return std::make_shared<const MappedFile>(Private{}, path, read_whole(file.get(), size, path));
  }
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) fail(path, fmt::format("cannot be mapped ({} bytes)", size), errno);
  try {
    return std::make_shared<const MappedFile>(Private{}, path,
                                              static_cast<const std::byte*>(mapped), size);
  } catch (...) {
    ::munmap(mapped, size);
    throw;
  }
}

std::shared_ptr<const MappedFile> MappedFile::from_bytes(std::filesystem::path label,
                                                         std::vector<std::byte> bytes) {
  return std::make_shared<const MappedFile>(Private{}, std::move(label), std::move(bytes));
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
  if (!is_mapped_ || part.empty()) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (is_mapped_) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace cutaway::io
