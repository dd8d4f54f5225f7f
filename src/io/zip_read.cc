#include <cutaway/error.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "io/byte_reader.h"
#include "io/utf8.h"
#include "io/zip_archive.h"

namespace cutaway::io {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kCentralSize = 46;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint16_t kEncryptedFlags = 0x2041;  // classic, strong, masked directory
constexpr std::uint64_t kDeflateRatio = 1032;      // 258 bytes from 2 bits

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

struct Directory {
  std::uint64_t offset;
  std::uint64_t size;
  std::uint64_t count;
};

// The end record stands last, before a comment that must reach exactly to the end of the file.
std::size_t find_end_record(std::span<const std::byte> bytes, const std::string& origin) {
  if (bytes.size() >= kEndSize) {
    const std::size_t last = bytes.size() - kEndSize;
    const std::size_t first = last > 0xFFFF ? last - 0xFFFF : 0;
    for (std::size_t at = last + 1; at-- > first;) {
      if (load<std::uint32_t>(bytes, at) == kEndSignature &&
          load<std::uint16_t>(bytes, at + 20) == last - at) {
        return at;
      }
    }
  }
  throw FormatError(origin,
                    fmt::format("has {} bytes and no zip end record, expected a zip archive "
                                "(truncated?)",
                                bytes.size()));
}

Directory find_directory(std::span<const std::byte> bytes, const std::string& origin) {
  const std::size_t end = find_end_record(bytes, origin);
  const auto disk = load<std::uint16_t>(bytes, end + 4);
  const auto directory_disk = load<std::uint16_t>(bytes, end + 6);
  Directory out{.offset = load<std::uint32_t>(bytes, end + 16),
                .size = load<std::uint32_t>(bytes, end + 12),
                .count = load<std::uint16_t>(bytes, end + 10)};
  std::size_t limit = end;
  const bool has_locator = end >= kLocator64Size &&
                           load<std::uint32_t>(bytes, end - kLocator64Size) == kLocator64Signature;
  if (has_locator) {
    const auto at = load<std::uint64_t>(bytes, end - kLocator64Size + 8);
    const std::size_t latest = end - kLocator64Size;
    if (latest < kEnd64Size || at > latest - kEnd64Size ||
        load<std::uint32_t>(bytes, at) != kEnd64Signature) {
      throw FormatError(origin,
                        fmt::format("has its zip64 end record at byte {} of {}, expected it "
                                    "before the locator",
                                    at, bytes.size()));
    }
    out = {.offset = load<std::uint64_t>(bytes, at + 48),
           .size = load<std::uint64_t>(bytes, at + 40),
           .count = load<std::uint64_t>(bytes, at + 32)};
    limit = at;
  } else if (disk != 0 || directory_disk != 0) {
    throw UnsupportedError(origin, "is one disk of a split zip archive");
  }
  if (out.offset > limit || out.size > limit - out.offset) {
    throw FormatError(origin, fmt::format("has its zip directory at bytes [{}, +{}), expected it "
                                          "before the end record at byte {}",
                                          out.offset, out.size, limit));
  }
  if (out.count > out.size / kCentralSize) {
    throw FormatError(
        origin, fmt::format("has {} zip members in a directory of {} bytes", out.count, out.size));
  }
  return out;
}

// Values that do not fit 32 bits stand in an extra field, in this order, only those that need it.
void apply_zip64(std::span<const std::byte> extra, std::uint64_t& size, std::uint64_t& packed,
                 std::uint64_t& offset, ByteReader& in, const std::string& what) {
  ByteReader fields(extra, in.origin());
  while (fields.left() >= 4) {
    const auto id = fields.read<std::uint16_t>(what);
    const auto length = fields.read<std::uint16_t>(what);
    const auto body = fields.take(length, what + ": an extra field");
    if (id != kZip64Extra) continue;
    ByteReader values(body, in.origin());
    for (std::uint64_t* value : {&size, &packed, &offset}) {
      if (*value == 0xFFFFFFFF) *value = values.read<std::uint64_t>(what + ": its zip64 field");
    }
    return;
  }
}

struct Placed {
  ZipMember member;
  std::uint64_t begin;  // of the local header
  std::uint64_t end;
};

Placed read_member(ByteReader& in, std::span<const std::byte> bytes, const Directory& directory,
                   std::uint64_t index) {
  std::string what = fmt::format("zip member {}", index);
  const auto fixed = in.take(kCentralSize, what);
  if (load<std::uint32_t>(fixed, 0) != kCentralSignature) {
    in.fail(what + " has no directory signature");
  }
  const auto flags = load<std::uint16_t>(fixed, 8);
  const auto method = load<std::uint16_t>(fixed, 10);
  Placed out{};
  out.member.crc = load<std::uint32_t>(fixed, 16);
  std::uint64_t packed = load<std::uint32_t>(fixed, 20);
  out.member.size = load<std::uint32_t>(fixed, 24);
  const auto name = in.take(load<std::uint16_t>(fixed, 28), what);
  const auto extra = in.take(load<std::uint16_t>(fixed, 30), what);
  in.take(load<std::uint16_t>(fixed, 32), what);
  out.begin = load<std::uint32_t>(fixed, 42);
  out.member.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  what = fmt::format("zip member '{}'", printable(out.member.name));
  apply_zip64(extra, out.member.size, packed, out.begin, in, what);

  if ((flags & kEncryptedFlags) != 0) {
    throw UnsupportedError(in.origin(), what + " is encrypted");
  }
  if (method != 0 && method != 8) {
    throw UnsupportedError(
        in.origin(),
        fmt::format("{} has compression method {}, expected stored or deflated", what, method));
  }
  out.member.is_deflated = method == 8;
  if (!out.member.is_deflated && packed != out.member.size) {
    in.fail(fmt::format("{} is stored with {} bytes, expected {}", what, packed, out.member.size));
  }

  if (out.begin > directory.offset) {
    in.fail(fmt::format("{} starts at byte {}, expected it before the directory at {}", what,
                        out.begin, directory.offset));
  }
  ByteReader local(bytes.subspan(0, directory.offset), in.origin());
  local.take(out.begin, what);
  const auto header = local.take(30, what + ": its local header");
  if (load<std::uint32_t>(header, 0) != kLocalSignature) {
    in.fail(fmt::format("{} has no local header at byte {}", what, out.begin));
  }
  const auto local_name =
      local.take(load<std::uint16_t>(header, 26), what + ": the name in its local header");
  if (!std::equal(local_name.begin(), local_name.end(), name.begin(), name.end())) {
    in.fail(what + " has another name in its local header");
  }
  local.take(load<std::uint16_t>(header, 28), what + ": its local header");
  out.member.packed = local.take(packed, what);
  out.end = local.position();
  return out;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(const MappedFile& file) {
  const auto bytes = file.bytes();
  const std::string origin = file.path().string();
  const Directory directory = find_directory(bytes, origin);
  ByteReader in(bytes.subspan(directory.offset, directory.size), origin);
  std::vector<Placed> placed;
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    placed.push_back(read_member(in, bytes, directory, i));
    const std::string& name = placed.back().member.name;
    if (!names.insert(name).second) {
      in.fail(fmt::format("has the zip member '{}' more than once", printable(name)));
    }
  }
  if (in.left() != 0) {
    in.fail(fmt::format("has {} bytes in its zip directory after the last member", in.left()));
  }
  std::vector<const Placed*> order;
  for (const Placed& p : placed) order.push_back(&p);
  std::sort(order.begin(), order.end(),
            [](const Placed* a, const Placed* b) { return a->begin < b->begin; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i]->begin < order[i - 1]->end) {
      in.fail(fmt::format("zip members '{}' and '{}' overlap", printable(order[i - 1]->member.name),
                          printable(order[i]->member.name)));
    }
  }
  std::vector<ZipMember> out;
  for (Placed& p : placed) out.push_back(std::move(p.member));
  return out;
}

namespace {

std::uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void check_crc(std::span<const std::byte> bytes, std::uint32_t expected,
               const std::string& origin) {
  const std::uint32_t found = checksum(bytes);
  if (found != expected) {
    throw FormatError(origin, fmt::format("has CRC {:08x}, expected {:08x}", found, expected));
  }
}

}  // namespace

void check_stored_member(const ZipMember& member, const std::string& origin) {
  check_crc(member.packed, member.crc, origin);
}

std::shared_ptr<const MappedFile> inflate_member(const ZipMember& member,
                                                 const std::string& origin) {
  // At least one block header, so the quotient rounds up.
  if (member.size / kDeflateRatio > member.packed.size()) {
    throw FormatError(origin,
                      fmt::format("claims {} bytes from {} packed ones, beyond what deflate can do",
                                  member.size, member.packed.size()));
  }
  std::vector<std::byte> out(member.size);
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  // zlib counts in 32 bits, so both sides are fed in pieces.
  constexpr std::size_t kPiece = std::size_t{1} << 30;
  std::size_t fed = 0;
  std::size_t got = 0;
  int status = Z_OK;
  Bytef beyond = 0;  // where a stream that is longer than declared writes its first extra byte
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const std::size_t piece = std::min(kPiece, member.packed.size() - fed);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(member.packed.data() + fed));
      stream.avail_in = static_cast<uInt>(piece);
      fed += piece;
    }
    const bool is_full = got == out.size();
    const std::size_t room = is_full ? 1 : std::min(kPiece, out.size() - got);
    stream.next_out = is_full ? &beyond : reinterpret_cast<Bytef*>(out.data() + got);
    stream.avail_out = static_cast<uInt>(room);
    status = ::inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = room - stream.avail_out;
    if (is_full && made > 0) status = Z_DATA_ERROR;
    if (!is_full) got += made;
  }
  const std::size_t unread = stream.avail_in + (member.packed.size() - fed);
  ::inflateEnd(&stream);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status != Z_STREAM_END || got != out.size() || unread != 0) {
    throw FormatError(
        origin, fmt::format("inflates to {} bytes before it breaks, expected {} from {} packed",
                            got, out.size(), member.packed.size()));
  }
  check_crc(out, member.crc, origin);
  return MappedFile::from_bytes(origin, std::move(out));
}

}  // namespace cutaway::io
