// A file's bytes, mapped read-only; shared by everything that looks into it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace cutaway::io {

/// Read-only bytes of a file. Mapped private without a copy, or read whole when `use_mmap` is
/// false. A mapped file that another process truncates raises SIGBUS on access; files of the hub
/// cache are never changed in place.
class MappedFile {
 public:
  /// throws IoError. An empty file gives no bytes.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path,
                                                bool use_mmap = true);
  /// Bytes that are in memory already, under a name for messages: tests, fuzzing, archive members.
  static std::shared_ptr<const MappedFile> from_bytes(std::filesystem::path label,
                                                      std::vector<std::byte> bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// Lets go of the memory that holds these bytes, whole pages only; the next access reads them
  /// from the file again. Does nothing if the file is not mapped.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  struct Private {};  // lets make_shared call a constructor that nobody else can

 public:
  MappedFile(Private, std::filesystem::path path, const std::byte* mapped, std::size_t size)
      : path_(std::move(path)), data_(mapped), size_(size), is_mapped_(size > 0) {}
  MappedFile(Private, std::filesystem::path path, std::vector<std::byte> bytes)
      : path_(std::move(path)),
        owned_(std::move(bytes)),
        data_(owned_.data()),
        size_(owned_.size()) {}

 private:
  std::filesystem::path path_;
  std::vector<std::byte> owned_;
  const std::byte* data_;
  std::size_t size_;
  bool is_mapped_ = false;
};

}  // namespace cutaway::io
