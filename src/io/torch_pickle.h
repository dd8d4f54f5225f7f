// The pickles of torch checkpoints, read as data: tensors, and the plain values around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <cutaway/dtype.h>

#include "io/byte_reader.h"

namespace cutaway::io {

/// A value of a pickle. Values refer to each other by their index in TorchPickle::values, since a
/// pickle may name one value many times, or put a list into itself.
struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,     ///< `number`
    kInt,      ///< `number`
    kFloat,    ///< its value is of no use to us and is not kept
    kString,   ///< `text`
    kTuple,    ///< `items`
    kList,     ///< `items`
    kDict,     ///< `items`: key, value, key, value ...
    kGlobal,   ///< `number`: its place in the table of what is allowed
    kStorage,  ///< `number`: its place in TorchPickle::storages
    kTensor,   ///< `number`: its place in TorchPickle::tensors
  };
  Kind kind = Kind::kNone;
  std::int64_t number = 0;
  std::string_view text;  ///< points into the pickle
  std::vector<std::uint32_t> items;
};

std::string_view name_of(PickleValue::Kind kind) noexcept;  ///< "a tuple", for messages

/// Memory that tensors look into, as the pickle declares it; its bytes stand elsewhere.
struct TorchStorage {
  std::string_view key;
  std::optional<DType> dtype;  ///< nullopt: bytes without a type
  std::uint64_t bytes;
};

/// What the pickle says; nothing was checked against the storage.
struct TorchTensor {
  std::size_t storage;
  DType dtype;
  std::uint64_t offset;  ///< elements
  std::vector<std::size_t> shape;
  std::vector<std::size_t> strides;  ///< elements; as many as extents
};

struct TorchPickle {
  std::vector<PickleValue> values;
  std::uint32_t root;
  std::vector<TorchStorage> storages;  ///< by first mention; keys are distinct
  std::vector<TorchTensor> tensors;

  const PickleValue& at(std::uint32_t ref) const { return values[ref]; }
};

/// Reads one pickle and leaves `in` behind it. A small machine for what torch.save writes of
/// dictionaries of tensors: it knows some thirty opcodes and some forty names (the functions that
/// rebuild tensors, storage types, dtypes, OrderedDict, Size). Nothing is imported, called or
/// executed: a name is an entry of a table. throws UnsupportedError naming any other opcode or
/// name, or if the pickle has more than 16 MiB; FormatError for a stream that makes no sense.
/// Memory is bounded by a multiple of the pickle's size; no recursion.
TorchPickle read_torch_pickle(ByteReader& in);

}  // namespace cutaway::io
