// numpy's .npy and .npz (a zip of .npy): read without a copy where stored, write uncompressed.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "io/stored_tensor.h"

namespace cutaway::io {

/// An array of a .npy or .npz. `name` is the member's name without ".npy" ("" for a .npy file).
/// Fortran order is turned into row-major (a copy). Stored members point into the mapped file;
/// deflated ones into memory that `keep` owns.
struct NpyArray {
  StoredTensor tensor;
  std::shared_ptr<const void> keep;
};

/// dtypes: little-endian f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, b1 (big-endian, text, object and
/// structured arrays are UnsupportedError; nothing is ever unpickled). The data must be exactly as
/// long as dtype and shape say. throws IoError, FormatError.
NpyArray read_npy(const std::filesystem::path& path);
NpyArray parse_npy(std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes,
                   const std::string& origin);
/// Zip checks: central directory within the file, members that do not overlap, CRC of every member
/// that is read, declared sizes against the bytes that are there before any allocation (deflate is
/// capped by the declared size and by 1032 × the compressed bytes), zip64, duplicate names refused,
/// encryption refused. Messages name "FILE.npz/MEMBER.npy".
std::vector<NpyArray> read_npz(const std::filesystem::path& path);
std::vector<NpyArray> read_npz(std::shared_ptr<const MappedFile> file);

/// Plain dtypes that numpy has (not bf16), stored, zip64 records where needed; temporary name,
/// flush, rename. Members in the order given. throws IoError, ArgumentError.
void write_npz(const std::filesystem::path& path, std::span<const TensorToWrite> arrays);
void write_npy(const std::filesystem::path& path, const TensorToWrite& array);

}  // namespace cutaway::io
