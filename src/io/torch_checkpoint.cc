#include "io/torch_checkpoint.h"

#include <cutaway/error.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "io/byte_reader.h"
#include "io/model_folder.h"
#include "io/torch_pickle.h"
#include "io/utf8.h"
#include "io/zip_archive.h"

namespace cutaway::io {
namespace {

using Kind = PickleValue::Kind;

// The first bytes of the old format: a pickle of the number 0x1950a86a20f9469cfc6c.
constexpr std::array<unsigned char, 15> kOldMagic{0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                  0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e};
constexpr std::int64_t kOldProtocol = 1001;
constexpr std::array<std::string_view, 3> kWrappers{"state_dict", "model_state_dict", "model"};

// Where the bytes of a storage are, and what keeps them.
struct StorageBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const MappedFile> file;
};

// As TorchPickle::storages, each of exactly the size that is declared there.
using Storages = std::vector<StorageBytes>;

std::string keys_of(const TorchPickle& pickle, const PickleValue& dict) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> keys;
  const std::size_t count = dict.items.size() / 2;
  for (std::size_t i = 0; i < std::min(count, kShown); ++i) {
    const PickleValue& key = pickle.at(dict.items[2 * i]);
    keys.push_back(key.kind == Kind::kString ? fmt::format("'{}'", printable(key.text))
                                             : std::string(name_of(key.kind)));
  }
  if (count > kShown) keys.push_back("...");
  return fmt::format("{}", fmt::join(keys, ", "));
}

bool has_tensor(const TorchPickle& pickle, const PickleValue& dict) {
  for (std::size_t i = 1; i < dict.items.size(); i += 2) {
    if (pickle.at(dict.items[i]).kind == Kind::kTensor) return true;
  }
  return false;
}

// The value under a key of the outermost dict, or nullptr.
const PickleValue* find_key(const TorchPickle& pickle, std::string_view name,
                            const std::string& origin) {
  const PickleValue& root = pickle.at(pickle.root);
  if (root.kind != Kind::kDict) return nullptr;
  const PickleValue* found = nullptr;
  for (std::size_t i = 0; i < root.items.size(); i += 2) {
    const PickleValue& key = pickle.at(root.items[i]);
    if (key.kind != Kind::kString || key.text != name) continue;
    if (found != nullptr) {
      throw FormatError(origin, fmt::format("has the key '{}' more than once", name));
    }
    found = &pickle.at(root.items[i + 1]);
  }
  return found;
}

const PickleValue& find_state_dict(const TorchPickle& pickle, const std::string& origin) {
  const PickleValue& root = pickle.at(pickle.root);
  if (root.kind != Kind::kDict) {
    throw UnsupportedError(origin,
                           fmt::format("holds {}, expected a dict of tensors", name_of(root.kind)));
  }
  if (root.items.empty() || has_tensor(pickle, root)) return root;
  const PickleValue* found = nullptr;
  for (const std::string_view wrapper : kWrappers) {
    const PickleValue* value = find_key(pickle, wrapper, origin);
    if (value == nullptr || value->kind != Kind::kDict || !has_tensor(pickle, *value)) continue;
    if (found != nullptr) {
      throw UnsupportedError(
          origin, fmt::format("holds more than one dict of tensors: {}", keys_of(pickle, root)));
    }
    found = value;
  }
  if (found == nullptr) {
    throw UnsupportedError(origin,
                           fmt::format("holds a dict with no tensors in it, nor in its state_dict, "
                                       "model_state_dict or model; its keys are {}",
                                       keys_of(pickle, root)));
  }
  return *found;
}

// Turns what the pickle says of tensors into bytes.
class Tensors {
 public:
  Tensors(const TorchPickle& pickle, const Storages& storages, std::string origin,
          std::size_t copies)
      : pickle_(pickle), storages_(storages), origin_(std::move(origin)), copies_left_(copies) {}

  std::vector<StoredTensor> read(const PickleValue& dict) {
    std::vector<StoredTensor> out;
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue& key = pickle_.at(dict.items[i]);
      const PickleValue& value = pickle_.at(dict.items[i + 1]);
      if (key.kind != Kind::kString) {
        throw FormatError(origin_, fmt::format("has {} as a tensor's name", name_of(key.kind)));
      }
      if (!names.insert(key.text).second) {
        throw FormatError(origin_,
                          fmt::format("has the tensor '{}' more than once", printable(key.text)));
      }
      if (value.kind != Kind::kTensor) {
        throw UnsupportedError(
            origin_, fmt::format("has {} under '{}', expected a tensor; the keys are {}",
                                 name_of(value.kind), printable(key.text), keys_of(pickle_, dict)));
      }
      out.push_back(tensor(key.text, static_cast<std::size_t>(value.number)));
    }
    return out;
  }

 private:
  StoredTensor tensor(std::string_view name, std::size_t index) {
    const TorchTensor& tensor = pickle_.tensors[index];
    const StorageBytes& storage = storages_[tensor.storage];
    const std::size_t each = dtype_info(tensor.dtype).block_bytes;
    const std::size_t elements = storage.bytes.size() / each;
    StoredTensor out{std::string(name), tensor.dtype, tensor.shape, {}, storage.file};
    const auto bytes = checked_bytes(tensor.dtype, tensor.shape);
    if (!bytes) fail(out, "overflows");
    // Zero extents make any strides harmless; the offset must still be one.
    std::size_t last = tensor.offset;
    bool overflows = false;
    for (std::size_t axis = 0; *bytes > 0 && axis < tensor.shape.size(); ++axis) {
      std::size_t reach = 0;
      overflows |= __builtin_mul_overflow(tensor.shape[axis] - 1, tensor.strides[axis], &reach);
      overflows |= __builtin_add_overflow(last, reach, &last);
    }
    if (overflows || last > elements || (*bytes > 0 && last == elements)) {
      fail(out,
           fmt::format("with strides {} and offset {} reaches beyond its storage of {} elements",
                       shape_text(tensor.strides), tensor.offset, elements));
    }
    if (*bytes == 0) return out;
    if (is_in_order(tensor)) {
      out.bytes = storage.bytes.subspan(tensor.offset * each, *bytes);
    } else {
      out.file = copy(tensor, out, *bytes);
      out.bytes = out.file->bytes();
    }
    return out;
  }

  static bool is_in_order(const TorchTensor& tensor) {
    std::size_t expected = 1;
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) return false;
      expected *= tensor.shape[axis];
    }
    return true;
  }

  // The elements in row-major order. Equal views of one storage (tied weights) share the copy.
  std::shared_ptr<const MappedFile> copy(const TorchTensor& tensor, const StoredTensor& named,
                                         std::size_t bytes) {
    auto& known =
        copied_[{tensor.storage, tensor.dtype, tensor.offset, tensor.shape, tensor.strides}];
    if (known) return known;
    const StorageBytes& storage = storages_[tensor.storage];
    if (bytes > storage.bytes.size()) {
      throw UnsupportedError(origin_, fmt::format("has the tensor '{}' of shape {}, which shows "
                                                  "elements of its storage more than once",
                                                  printable(named.name), shape_text(tensor.shape)));
    }
    if (bytes > copies_left_) {
      throw UnsupportedError(origin_, fmt::format("has tensors out of order, up to '{}', whose "
                                                  "copies would be larger than the file",
                                                  printable(named.name)));
    }
    copies_left_ -= bytes;
    const std::size_t each = dtype_info(tensor.dtype).block_bytes;
    std::vector<std::byte> out(bytes);
    std::vector<std::size_t> at(tensor.shape.size(), 0);
    std::size_t from = tensor.offset;
    for (std::size_t to = 0; to < bytes; to += each) {
      std::memcpy(out.data() + to, storage.bytes.data() + from * each, each);
      for (std::size_t axis = at.size(); axis-- > 0;) {
        from += tensor.strides[axis];
        if (++at[axis] < tensor.shape[axis]) break;
        from -= at[axis] * tensor.strides[axis];
        at[axis] = 0;
      }
    }
    known = MappedFile::from_bytes(storage.file->path(), std::move(out));
    return known;
  }

  [[noreturn]] void fail(const StoredTensor& tensor, std::string_view what) const {
    throw FormatError(origin_, fmt::format("has the tensor '{}' of {} with shape {}, which {}",
                                           printable(tensor.name), dtype_info(tensor.dtype).name,
                                           shape_text(tensor.shape), what));
  }

  using View = std::tuple<std::size_t, DType, std::uint64_t, std::vector<std::size_t>,
                          std::vector<std::size_t>>;
  const TorchPickle& pickle_;
  const Storages& storages_;
  std::string origin_;
  std::size_t copies_left_;
  std::map<View, std::shared_ptr<const MappedFile>> copied_;
};

// Members of torch's archives lie in one folder; the name of the folder is free.
class Archive {
 public:
  explicit Archive(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)),
        members_(read_zip_directory(*file_)),
        // Weights hardly compress; what does is zeros.
        inflation_left_(std::max(std::size_t{16} << 20, 8 * file_->bytes().size())) {
    constexpr std::string_view kPickle = "/data.pkl";
    for (const ZipMember& member : members_) {
      by_name_.emplace(member.name, &member);
      if (!std::string_view(member.name).ends_with(kPickle)) continue;
      if (!folder_.empty()) throw FormatError(origin(), "has more than one data.pkl");
      folder_ = member.name.substr(0, member.name.size() - kPickle.size() + 1);
    }
    if (folder_.empty()) {
      throw FormatError(origin(), "is a zip archive without data.pkl, expected a torch checkpoint");
    }
    if (find("constants.pkl") != nullptr) {
      throw UnsupportedError(origin(), "is a TorchScript archive, expected a checkpoint");
    }
    if (const ZipMember* order = find("byteorder")) {
      const StorageBytes held = content(*order);
      const std::string_view text(reinterpret_cast<const char*>(held.bytes.data()),
                                  held.bytes.size());
      if (text != "little") {
        throw UnsupportedError(
            origin(), fmt::format("has byte order '{}', expected 'little'", printable(text)));
      }
    }
  }

  StorageBytes pickle() { return content(*find("data.pkl")); }
  std::string pickle_origin() const {
    return fmt::format("{}/{}data.pkl", origin(), printable(folder_));
  }

  Storages storages(const TorchPickle& pickle) {
    Storages out;
    for (const TorchStorage& storage : pickle.storages) {
      const ZipMember* member = find(fmt::format("data/{}", storage.key));
      if (member == nullptr) {
        throw FormatError(origin(), fmt::format("lacks the member '{}data/{}', which holds tensors",
                                                printable(folder_), printable(storage.key)));
      }
      if (member->size != storage.bytes) {
        throw FormatError(origin(),
                          fmt::format("has the member '{}' of {} bytes, expected {}",
                                      printable(member->name), member->size, storage.bytes));
      }
      out.push_back(content(*member));
    }
    return out;
  }

 private:
  std::string origin() const { return file_->path().string(); }

  const ZipMember* find(std::string_view name) const {
    const auto found = by_name_.find(folder_ + std::string(name));
    return found == by_name_.end() ? nullptr : found->second;
  }

  StorageBytes content(const ZipMember& member) {
    if (!member.is_deflated) return {member.packed, file_};
    if (member.size > inflation_left_) {
      throw UnsupportedError(
          origin(), fmt::format("has the compressed member '{}' of {} bytes, more "
                                "than a file of {} bytes may grow to",
                                printable(member.name), member.size, file_->bytes().size()));
    }
    inflation_left_ -= member.size;
    auto inflated = inflate_member(member, fmt::format("{}/{}", origin(), printable(member.name)));
    return {inflated->bytes(), inflated};
  }

  std::shared_ptr<const MappedFile> file_;
  std::vector<ZipMember> members_;
  std::map<std::string, const ZipMember*> by_name_;
  std::string folder_;  // with the slash
  std::size_t inflation_left_;
};

// Pickles of the protocol, of the machine that wrote the file, and of the value; then the keys of
// the storages, and each storage as a count of elements and its bytes, in the order of the keys.
std::vector<StoredTensor> read_old_format(const std::shared_ptr<const MappedFile>& file) {
  const std::string origin = file->path().string();
  ByteReader in(file->bytes(), origin);
  in.take(kOldMagic.size(), "the magic number");
  const TorchPickle protocol = read_torch_pickle(in);
  const PickleValue& number = protocol.at(protocol.root);
  if (number.kind != Kind::kInt || number.number != kOldProtocol) {
    throw UnsupportedError(origin,
                           fmt::format("has another protocol of torch.save than {}", kOldProtocol));
  }
  const TorchPickle machine = read_torch_pickle(in);
  const PickleValue* is_little = find_key(machine, "little_endian", origin);
  if (is_little == nullptr || is_little->kind != Kind::kBool || is_little->number != 1) {
    throw UnsupportedError(origin, "was written by a big-endian machine");
  }
  const TorchPickle pickle = read_torch_pickle(in);
  const TorchPickle keys = read_torch_pickle(in);
  const PickleValue& list = keys.at(keys.root);
  if (list.kind != Kind::kList) {
    throw FormatError(origin,
                      fmt::format("has {} as the list of its storages", name_of(list.kind)));
  }

  std::map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < pickle.storages.size(); ++i) place[pickle.storages[i].key] = i;
  Storages storages(pickle.storages.size());
  for (const std::uint32_t item : list.items) {
    const PickleValue& key = keys.at(item);
    const auto found = key.kind == Kind::kString ? place.find(key.text) : place.end();
    if (found == place.end() || storages[found->second].file != nullptr) {
      throw FormatError(origin, fmt::format("lists the storage '{}', which no tensor has or which "
                                            "was listed before",
                                            printable(key.text)));
    }
    const TorchStorage& storage = pickle.storages[found->second];
    const std::size_t each = storage.dtype ? dtype_info(*storage.dtype).block_bytes : 1;
    const std::string what = fmt::format("the storage '{}'", printable(key.text));
    const auto count = in.read<std::uint64_t>(what);
    if (count != storage.bytes / each) {
      throw FormatError(origin, fmt::format("has {} with {} elements, expected {}", what, count,
                                            storage.bytes / each));
    }
    storages[found->second] = {in.take(storage.bytes, what), file};
  }
  for (std::size_t i = 0; i < storages.size(); ++i) {
    if (storages[i].file == nullptr) {
      throw FormatError(origin,
                        fmt::format("lacks the storage '{}'", printable(pickle.storages[i].key)));
    }
  }
  if (in.left() > 0) {
    throw FormatError(origin, fmt::format("has {} bytes after its last storage", in.left()));
  }
  return Tensors(pickle, storages, origin, file->bytes().size())
      .read(find_state_dict(pickle, origin));
}

}  // namespace

std::vector<StoredTensor> read_torch_checkpoint(const std::filesystem::path& path, bool use_mmap) {
  return read_torch_checkpoint(MappedFile::open(path, use_mmap));
}

std::vector<StoredTensor> read_torch_checkpoint(std::shared_ptr<const MappedFile> file) {
  const auto bytes = file->bytes();
  if (bytes.size() >= kOldMagic.size() &&
      std::memcmp(bytes.data(), kOldMagic.data(), kOldMagic.size()) == 0) {
    return read_old_format(file);
  }
  constexpr std::string_view kZip = "PK\x03\x04";
  if (bytes.size() < kZip.size() || std::memcmp(bytes.data(), kZip.data(), kZip.size()) != 0) {
    throw FormatError(file->path().string(),
                      "starts neither as a zip archive nor as a checkpoint of torch before 1.6");
  }
  const std::string origin = file->path().string();
  Archive archive(file);
  const StorageBytes content = archive.pickle();
  ByteReader in(content.bytes, archive.pickle_origin());
  const TorchPickle pickle = read_torch_pickle(in);
  const Storages storages = archive.storages(pickle);
  return Tensors(pickle, storages, origin, bytes.size()).read(find_state_dict(pickle, origin));
}

std::vector<StoredTensor> read_torch_folder(const std::filesystem::path& folder, bool use_mmap) {
  return read_model_folder(folder, "pytorch_model.bin", [&](const std::filesystem::path& file) {
    return read_torch_checkpoint(file, use_mmap);
  });
}

}  // namespace cutaway::io
