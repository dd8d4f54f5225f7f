// A file's bytes, mapped read-only; shared by everything that looks into it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace cutaway::io {

/// Read-only bytes of a file. Mapped private without a copy, or read whole when `use_mmap` is
/// false. A mapped file that another process truncates raises SIGBUS on access; files of the hub
/// cache are never changed in place.
class MappedFile {
 public:
  /// throws IoError. An empty file gives no bytes.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path,
                                                bool use_mmap = true);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size, bool mapped)
      : path_(std::move(path)), data_(data), size_(size), mapped_(mapped) {}
  std::filesystem::path path_;
  const std::byte* data_;
  std::size_t size_;
  bool mapped_;
};

}  // namespace cutaway::io
