#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "io/zip_archive.h"

namespace cutaway::io {
namespace {

constexpr std::uint64_t kMax32 = 0xFFFFFFFF;
constexpr std::uint16_t kDate1980 = 0x21;
constexpr std::uint16_t kUtf8Names = 0x800;
constexpr std::uint16_t kVersion20 = 20;  // folders and deflate
constexpr std::uint16_t kVersion45 = 45;  // zip64

template <typename T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFF);
  }
}

std::uint32_t low32(std::uint64_t value) {
  return static_cast<std::uint32_t>(std::min(value, kMax32));
}

std::uint16_t name_flags(const std::string& name) {
  const bool is_ascii = std::all_of(name.begin(), name.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return is_ascii ? 0 : kUtf8Names;
}

}  // namespace

void ZipWriter::add(const std::string& name, std::span<const std::byte> head,
                    std::span<const std::byte> body) {
  const auto crc_of = [](uLong crc, std::span<const std::byte> bytes) {
    return ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  };
  Record record{name, 0, head.size() + body.size(), at_};
  uLong crc = crc_of(0, head);
  if (!body.empty()) crc = crc_of(crc, body);  // zlib takes a null pointer for "start again"
  record.crc = static_cast<std::uint32_t>(crc);
  const bool is_large = record.size >= kMax32;

  std::string out;
  put<std::uint32_t>(out, 0x04034b50);
  put<std::uint16_t>(out, is_large ? kVersion45 : kVersion20);
  put<std::uint16_t>(out, name_flags(name));
  put<std::uint16_t>(out, 0);  // stored
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, kDate1980);
  put<std::uint32_t>(out, record.crc);
  put<std::uint32_t>(out, low32(record.size));
  put<std::uint32_t>(out, low32(record.size));
  put<std::uint16_t>(out, static_cast<std::uint16_t>(name.size()));
  put<std::uint16_t>(out, is_large ? 20 : 0);
  out += name;
  if (is_large) {
    put<std::uint16_t>(out, 1);
    put<std::uint16_t>(out, 16);
    put<std::uint64_t>(out, record.size);
    put<std::uint64_t>(out, record.size);
  }
  at_ += out.size() + record.size;
  out.append(reinterpret_cast<const char*>(head.data()), head.size());
  file_.write(out);
  file_.write(body);
  records_.push_back(std::move(record));
}

void ZipWriter::commit() {
  std::string out;
  for (const Record& record : records_) {
    std::string extra;
    if (record.size >= kMax32) {
      put<std::uint64_t>(extra, record.size);
      put<std::uint64_t>(extra, record.size);
    }
    if (record.offset >= kMax32) put<std::uint64_t>(extra, record.offset);
    put<std::uint32_t>(out, 0x02014b50);
    put<std::uint16_t>(out, kVersion45);
    put<std::uint16_t>(out, extra.empty() ? kVersion20 : kVersion45);
    put<std::uint16_t>(out, name_flags(record.name));
    put<std::uint16_t>(out, 0);
    put<std::uint16_t>(out, 0);
    put<std::uint16_t>(out, kDate1980);
    put<std::uint32_t>(out, record.crc);
    put<std::uint32_t>(out, low32(record.size));
    put<std::uint32_t>(out, low32(record.size));
    put<std::uint16_t>(out, static_cast<std::uint16_t>(record.name.size()));
    put<std::uint16_t>(out, static_cast<std::uint16_t>(extra.empty() ? 0 : extra.size() + 4));
    put<std::uint16_t>(out, 0);  // comment
    put<std::uint16_t>(out, 0);  // disk
    put<std::uint16_t>(out, 0);  // attributes
    put<std::uint32_t>(out, 0);
    put<std::uint32_t>(out, low32(record.offset));
    out += record.name;
    if (!extra.empty()) {
      put<std::uint16_t>(out, 1);
      put<std::uint16_t>(out, static_cast<std::uint16_t>(extra.size()));
      out += extra;
    }
  }
  const std::uint64_t directory = at_;
  const std::uint64_t size = out.size();
  const std::uint64_t count = records_.size();
  if (count >= 0xFFFF || size >= kMax32 || directory >= kMax32) {
    put<std::uint32_t>(out, 0x06064b50);
    put<std::uint64_t>(out, 44);  // of the record, without these 12 bytes
    put<std::uint16_t>(out, kVersion45);
    put<std::uint16_t>(out, kVersion45);
    put<std::uint32_t>(out, 0);
    put<std::uint32_t>(out, 0);
    put<std::uint64_t>(out, count);
    put<std::uint64_t>(out, count);
    put<std::uint64_t>(out, size);
    put<std::uint64_t>(out, directory);
    put<std::uint32_t>(out, 0x07064b50);
    put<std::uint32_t>(out, 0);
    put<std::uint64_t>(out, directory + size);
    put<std::uint32_t>(out, 1);
  }
  const auto count16 = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, 0xFFFF));
  put<std::uint32_t>(out, 0x06054b50);
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, 0);
  put<std::uint16_t>(out, count16);
  put<std::uint16_t>(out, count16);
  put<std::uint32_t>(out, low32(size));
  put<std::uint32_t>(out, low32(directory));
  put<std::uint16_t>(out, 0);
  file_.write(out);
  file_.commit();
}

}  // namespace cutaway::io
