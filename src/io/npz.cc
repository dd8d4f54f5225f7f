#include "io/npz.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "io/npy_header.h"
#include "io/utf8.h"
#include "io/zip_archive.h"

namespace cutaway::io {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr std::size_t kLongestName = 65535 - kSuffix.size();

}  // namespace

std::vector<NpyArray> read_npz(const std::filesystem::path& path) {
  return read_npz(MappedFile::open(path));
}

std::vector<NpyArray> read_npz(std::shared_ptr<const MappedFile> file) {
  std::vector<NpyArray> out;
  for (const ZipMember& member : read_zip_directory(*file)) {
    const std::string_view name = member.name;
    if (!name.ends_with(kSuffix)) {
      throw UnsupportedError(file->path().string(),
                             fmt::format("zip member '{}' is no .npy array", printable(name)));
    }
    const std::string origin = fmt::format("{}/{}", file->path().string(), printable(name));
    NpyArray array;
    if (member.is_deflated) {
      const auto inflated = inflate_member(member, origin);
      array = parse_npy(inflated, inflated->bytes(), origin);
    } else {
      check_stored_member(member, origin);
      array = parse_npy(file, member.packed, origin);
    }
    array.tensor.name = name.substr(0, name.size() - kSuffix.size());
    out.push_back(std::move(array));
  }
  return out;
}

void write_npz(const std::filesystem::path& path, std::span<const TensorToWrite> arrays) {
  const std::string origin = path.string();
  std::set<std::string_view> names;
  for (const TensorToWrite& array : arrays) {  // all checks before the first byte is written
    if (!names.insert(array.name).second) {
      throw ArgumentError(origin,
                          fmt::format("array '{}' is given more than once", printable(array.name)));
    }
    if (!is_utf8(array.name) || array.name.size() > kLongestName) {
      throw ArgumentError(origin, fmt::format("array '{}' has a name that zip does not allow",
                                              printable(array.name)));
    }
    static_cast<void>(make_npy_header(array, origin));
  }
  ZipWriter zip(path);
  for (const TensorToWrite& array : arrays) {
    const std::string header = make_npy_header(array, origin);
    zip.add(array.name + std::string(kSuffix), std::as_bytes(std::span(header)), array.bytes);
  }
  zip.commit();
}

}  // namespace cutaway::io
