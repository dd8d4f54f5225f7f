// The first bytes of a .npy file: magic, version, and a Python dict literal.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "io/stored_tensor.h"

namespace cutaway::io {

struct NpyHeader {
  DType dtype;
  std::vector<std::size_t> shape;
  bool is_fortran;
  std::size_t size;  ///< bytes before the data
};

/// Versions 1 to 3. throws FormatError, UnsupportedError.
NpyHeader read_npy_header(std::span<const std::byte> bytes, const std::string& origin);

/// Version 1, padded to a multiple of 64 as numpy does. throws ArgumentError for a dtype that numpy
/// lacks and for bytes that do not fit the shape.
std::string make_npy_header(const TensorToWrite& array, const std::string& origin);

}  // namespace cutaway::io
