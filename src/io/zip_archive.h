// Zip archives as .npz (and torch's .pth) need them: one disk, stored or deflated members.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/atomic_file.h"
#include "io/mapped_file.h"

namespace cutaway::io {

struct ZipMember {
  std::string name;
  bool is_deflated;
  std::uint32_t crc;
  std::uint64_t size;                 ///< uncompressed
  std::span<const std::byte> packed;  ///< inside the archive
};

/// The members in the order of the central directory. Everything was checked against the file:
/// the directory, each local header, that no two members share bytes, that names are unique.
/// throws FormatError, UnsupportedError (encrypted, split, other compression).
std::vector<ZipMember> read_zip_directory(const MappedFile& file);

/// The member's bytes: a view into `archive` if stored, else inflated into a file of their own.
/// CRC and size are checked; a deflated member that claims more than 1032 times its packed size
/// (which deflate cannot reach) is refused before any allocation.
std::shared_ptr<const MappedFile> inflate_member(const ZipMember& member,
                                                 const std::string& origin);
void check_stored_member(const ZipMember& member, const std::string& origin);

/// Writes stored members one after the other; zip64 records appear where a size or count needs
/// them. The dates are 1980-01-01, so equal contents give equal files.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : file_(path) {}
  /// The member's content is `head` followed by `body`.
  void add(const std::string& name, std::span<const std::byte> head,
           std::span<const std::byte> body);
  void commit();

 private:
  struct Record {
    std::string name;
    std::uint32_t crc;
    std::uint64_t size;
    std::uint64_t offset;
  };
  AtomicFile file_;
  std::vector<Record> records_;
  std::uint64_t at_ = 0;
};

}  // namespace cutaway::io
