// Files appear whole or not at all: written under a temporary name, flushed, renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace cutaway::io {

/// Usage: write() any number of times, then commit(). Destroyed without commit(), it leaves nothing
/// behind and the old file intact.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);  ///< throws IoError
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::span<const std::byte> bytes);  ///< throws IoError naming the file and the reason
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();  ///< fsync of file and folder, rename

 private:
  std::filesystem::path path_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace cutaway::io
