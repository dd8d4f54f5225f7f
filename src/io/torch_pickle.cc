#include "io/torch_pickle.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <map>
#include <span>
#include <string>
#include <utility>

#include "io/torch_names.h"
#include "io/utf8.h"

namespace cutaway::io {
namespace {

using Kind = PickleValue::Kind;
using Ref = std::uint32_t;

constexpr std::size_t kLargestPickle = std::size_t{16} << 20;
constexpr std::size_t kMostAxes = 16;
constexpr std::size_t kLongestKey = 256;  // torch's are numbers

class Machine {
 public:
  explicit Machine(ByteReader& in) : in_(in), begin_(in.position()) {
    for (const Kind kind : {Kind::kNone, Kind::kBool, Kind::kBool, Kind::kTuple}) {
      add({.kind = kind});
    }
    out_.values[kTrue].number = 1;
  }

  TorchPickle run() {
    while (step()) {
      if (in_.position() - begin_ > kLargestPickle) {
        unsupported(fmt::format("is a pickle of more than {} bytes", kLargestPickle));
      }
    }
    return std::move(out_);
  }

 private:
  static constexpr Ref kNothing = 0;
  static constexpr Ref kFalse = 1;
  static constexpr Ref kTrue = 2;
  static constexpr Ref kEmptyTuple = 3;

  [[noreturn]] void fail(std::string_view detail) const {
    in_.fail(fmt::format("{} (pickle byte {})", detail, at_));
  }
  [[noreturn]] void unsupported(std::string_view detail) const {
    throw UnsupportedError(in_.origin(), std::string(detail));
  }

  Ref add(PickleValue value) {
    out_.values.push_back(std::move(value));
    return static_cast<Ref>(out_.values.size() - 1);
  }
  PickleValue& at(Ref ref) { return out_.values[ref]; }

  void push(Ref ref) { stack_.push_back(ref); }
  void push(PickleValue value) { push(add(std::move(value))); }
  void push_int(std::int64_t number) { push({.kind = Kind::kInt, .number = number}); }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Ref top() const {
    if (stack_.size() <= floor()) fail("takes from an empty stack");
    return stack_.back();
  }
  Ref pop() {
    const Ref ref = top();
    stack_.pop_back();
    return ref;
  }
  std::vector<Ref> pop_many(std::size_t count) {
    if (stack_.size() - floor() < count) fail("takes from an empty stack");
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<Ref> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    return items;
  }
  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) fail("has no mark on the stack");
    std::vector<Ref> items = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  // Items are looked at where they are: a pickle may name a long tuple many times.
  std::span<const Ref> items_of(Ref ref, std::string_view what) {
    return expect(ref, Kind::kTuple, what).items;
  }
  PickleValue& expect(Ref ref, Kind kind, std::string_view what) {
    PickleValue& value = at(ref);
    if (value.kind != kind) {
      fail(fmt::format("has {} as {}, expected {}", name_of(value.kind), what, name_of(kind)));
    }
    return value;
  }
  std::uint64_t expect_size(Ref ref, std::string_view what) {
    const std::int64_t number = expect(ref, Kind::kInt, what).number;
    if (number < 0) fail(fmt::format("has {} as {}, expected at least 0", number, what));
    return static_cast<std::uint64_t>(number);
  }

  void push_text(std::uint64_t length) {
    const auto bytes = in_.take(length, "a string of a pickle");
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!is_utf8(text)) fail("has a string that is not UTF-8");
    push({.kind = Kind::kString, .text = text});
  }

  // A line of a text opcode, without its end.
  std::string_view take_line() {
    constexpr std::size_t kLongest = 256;
    std::size_t length = 0;
    const char* first = nullptr;
    while (true) {
      const auto byte = in_.take(1, "a name in a pickle");
      if (first == nullptr) first = reinterpret_cast<const char*>(byte.data());
      if (byte[0] == std::byte{'\n'}) return {first, length};
      if (++length > kLongest) fail("has a name without an end");
    }
  }

  void push_name(std::string_view module, std::string_view name) {
    const auto global = find_torch_name(module, name);
    if (!global) {
      unsupported(
          fmt::format("has a pickle that names '{}.{}', expected nothing but tensors "
                      "(nothing of it was run)",
                      printable(module), printable(name)));
    }
    globals_.push_back(*global);
    push({.kind = Kind::kGlobal, .number = static_cast<std::int64_t>(globals_.size() - 1)});
  }
  const TorchName& global(Ref ref, std::string_view what) {
    return globals_[static_cast<std::size_t>(expect(ref, Kind::kGlobal, what).number)];
  }

  void push_signed(std::size_t length) {
    if (length > 8) unsupported(fmt::format("has an integer of {} bytes in a pickle", length));
    const auto bytes = in_.take(length, "an integer of a pickle");
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < length; ++i)
      number |= std::to_integer<std::uint64_t>(bytes[i]) << 8 * i;
    if (length > 0 && length < 8 && (number >> (8 * length - 1)) != 0)
      number |= ~std::uint64_t{0} << 8 * length;
    push_int(static_cast<std::int64_t>(number));
  }

  void set_items(std::vector<Ref> items) {
    if (items.size() % 2 != 0) fail("has a key without a value");
    auto& dict = expect(top(), Kind::kDict, "what takes keys and values").items;
    dict.insert(dict.end(), items.begin(), items.end());
  }
  void append_items(std::vector<Ref> items) {
    auto& list = expect(top(), Kind::kList, "what takes items").items;
    list.insert(list.end(), items.begin(), items.end());
  }

  void memoize(std::uint32_t index) { memo_[index] = top(); }
  void push_memo(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end())
      fail(fmt::format("recalls the value {}, which it has not kept", index));
    push(found->second);
  }

  // ('storage', type, key, location, count) and, of the old format, None: no view of a view.
  void push_storage() {
    const std::span<const Ref> items = items_of(pop(), "a persistent id");
    if (items.size() < 5 || items.size() > 6 ||
        expect(items[0], Kind::kString, "the kind of a persistent id").text != "storage") {
      unsupported("has a pickle with a persistent id that is no storage");
    }
    if (items.size() == 6 && at(items[5]).kind != Kind::kNone) {
      unsupported("has a pickle with a storage that is a view of another");
    }
    const TorchName& type = global(items[1], "the type of a storage");
    if (type.role != TorchRole::kStorageType) fail("has a storage whose type is not one");
    const std::string_view key = expect(items[2], Kind::kString, "the key of a storage").text;
    if (key.size() > kLongestKey) fail(fmt::format("has a storage's key of {} bytes", key.size()));
    const std::uint64_t count = expect_size(items[4], "the size of a storage");
    TorchStorage storage{key, type.dtype, 0};
    const std::size_t each = type.dtype ? dtype_info(*type.dtype).block_bytes : 1;
    if (__builtin_mul_overflow(count, each, &storage.bytes)) {
      fail(fmt::format("has a storage of {} elements", count));
    }
    const auto [known, is_new] = storage_of_.emplace(key, out_.storages.size());
    if (is_new) {
      out_.storages.push_back(storage);
    } else if (const TorchStorage& before = out_.storages[known->second];
               before.dtype != storage.dtype || before.bytes != storage.bytes) {
      fail(
          fmt::format("has the storage '{}' twice, with different types or sizes", printable(key)));
    }
    push({.kind = Kind::kStorage, .number = static_cast<std::int64_t>(known->second)});
  }

  std::vector<std::size_t> sizes(Ref ref, std::string_view what) {
    const std::span<const Ref> items = items_of(ref, what);
    if (items.size() > kMostAxes) {
      unsupported(
          fmt::format("has a tensor of {} axes, expected at most {}", items.size(), kMostAxes));
    }
    std::vector<std::size_t> out;
    for (const Ref item : items) out.push_back(expect_size(item, what));
    return out;
  }

  void push_tensor(std::span<const Ref> args, bool has_dtype) {
    if (args.size() < (has_dtype ? 7U : 4U)) fail("rebuilds a tensor from too little");
    TorchTensor tensor{};
    tensor.storage = static_cast<std::size_t>(expect(args[0], Kind::kStorage, "a storage").number);
    const std::optional<DType> stored = out_.storages[tensor.storage].dtype;
    if (has_dtype) {
      const TorchName& dtype = global(args[6], "a dtype");
      if (dtype.role != TorchRole::kDtype) fail("has a tensor whose dtype is not one");
      tensor.dtype = *dtype.dtype;
      if (stored && *stored != tensor.dtype) fail("has a tensor of another type than its storage");
    } else {
      if (!stored) fail("has a tensor without a dtype");
      tensor.dtype = *stored;
    }
    tensor.offset = expect_size(args[1], "the offset of a tensor");
    tensor.shape = sizes(args[2], "the shape of a tensor");
    tensor.strides = sizes(args[3], "the strides of a tensor");
    if (tensor.shape.size() != tensor.strides.size()) {
      fail(fmt::format("has a tensor of {} axes with {} strides", tensor.shape.size(),
                       tensor.strides.size()));
    }
    out_.tensors.push_back(std::move(tensor));
    push({.kind = Kind::kTensor, .number = static_cast<std::int64_t>(out_.tensors.size() - 1)});
  }

  void reduce() {
    const std::span<const Ref> args = items_of(pop(), "arguments");
    const TorchName function = global(pop(), "what is called");
    switch (function.role) {
      case TorchRole::kRebuildTensor:
        return push_tensor(args, false);
      case TorchRole::kRebuildWithDtype:
        return push_tensor(args, true);
      case TorchRole::kRebuildParameter:
        if (args.empty()) fail("rebuilds a parameter from nothing");
        expect(args[0], Kind::kTensor, "the data of a parameter");
        return push(args[0]);
      case TorchRole::kOrderedDict:
        if (!args.empty()) unsupported("has a pickle with an OrderedDict made from a list");
        return push({.kind = Kind::kDict});
      case TorchRole::kSize:
        if (args.size() != 1) fail("makes a Size from other than one tuple");
        expect(args[0], Kind::kTuple, "a Size");
        return push(args[0]);
      case TorchRole::kStorageType:
      case TorchRole::kDtype:
        break;
    }
    unsupported(fmt::format("has a pickle that calls '{}.{}'", function.module, function.name));
  }

  // The attributes of a state_dict (its `_metadata`): of no use to us.
  void build() {
    pop();
    if (at(top()).kind != Kind::kDict)
      unsupported("has a pickle that sets attributes of an object");
  }

  bool step();

  ByteReader& in_;
  std::size_t begin_;
  std::size_t at_ = 0;  // of the opcode, in the pickle
  TorchPickle out_{};
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;
  // Ordered: keys that a file chooses could all fall into one bucket of a hash table.
  std::map<std::uint32_t, Ref> memo_;
  std::vector<TorchName> globals_;
  std::map<std::string_view, std::size_t> storage_of_;
};

// One opcode; false after the last. Names as in Python's pickletools.
bool Machine::step() {
  at_ = in_.position() - begin_;
  const auto opcode = in_.read<std::uint8_t>("the next opcode of a pickle");
  switch (opcode) {
    case 0x80: {  // PROTO
      const auto protocol = in_.read<std::uint8_t>("the protocol of a pickle");
      if (protocol > 5) unsupported(fmt::format("has a pickle of protocol {}", protocol));
      return true;
    }
    case 0x95:  // FRAME: only a hint for buffering
      in_.take(8, "a frame of a pickle");
      return true;
    case '.':  // STOP
      out_.root = pop();
      if (!stack_.empty() || !marks_.empty()) fail("ends with more than one value");
      return false;
    case '(':  // MARK
      marks_.push_back(stack_.size());
      return true;
    case 'N':
      push(kNothing);
      return true;
    case 0x88:
      push(kTrue);
      return true;
    case 0x89:
      push(kFalse);
      return true;
    case 'J':  // BININT
      push_int(in_.read<std::int32_t>("an integer of a pickle"));
      return true;
    case 'K':
      push_int(in_.read<std::uint8_t>("an integer of a pickle"));
      return true;
    case 'M':
      push_int(in_.read<std::uint16_t>("an integer of a pickle"));
      return true;
    case 0x8a:  // LONG1
      push_signed(in_.read<std::uint8_t>("the length of an integer"));
      return true;
    case 'G':  // BINFLOAT
      in_.take(8, "a float of a pickle");
      push({.kind = Kind::kFloat});
      return true;
    case 'U':  // SHORT_BINSTRING, of Python 2
    case 0x8c:
      push_text(in_.read<std::uint8_t>("the length of a string"));
      return true;
    case 'X':  // BINUNICODE
      push_text(in_.read<std::uint32_t>("the length of a string"));
      return true;
    case 0x8d:
      push_text(in_.read<std::uint64_t>("the length of a string"));
      return true;
    case ')':
      push(kEmptyTuple);
      return true;
    case ']':
      push({.kind = Kind::kList});
      return true;
    case '}':
      push({.kind = Kind::kDict});
      return true;
    case 't':
      push({.kind = Kind::kTuple, .items = pop_to_mark()});
      return true;
    case 0x85:
    case 0x86:
    case 0x87:
      push({.kind = Kind::kTuple, .items = pop_many(opcode - 0x84U)});
      return true;
    case 'a':
      append_items(pop_many(1));
      return true;
    case 'e':
      append_items(pop_to_mark());
      return true;
    case 's':
      set_items(pop_many(2));
      return true;
    case 'u':
      set_items(pop_to_mark());
      return true;
    case 'q':
      memoize(in_.read<std::uint8_t>("a place of the memo"));
      return true;
    case 'r':
      memoize(in_.read<std::uint32_t>("a place of the memo"));
      return true;
    case 0x94:
      memoize(static_cast<std::uint32_t>(memo_.size()));
      return true;
    case 'h':
      push_memo(in_.read<std::uint8_t>("a place of the memo"));
      return true;
    case 'j':
      push_memo(in_.read<std::uint32_t>("a place of the memo"));
      return true;
    case 'c': {  // GLOBAL
      const std::string_view module = take_line();
      push_name(module, take_line());
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const std::vector<Ref> names = pop_many(2);
      push_name(expect(names[0], Kind::kString, "a module").text,
                expect(names[1], Kind::kString, "a name").text);
      return true;
    }
    case 'Q':
      push_storage();
      return true;
    case 'R':
      reduce();
      return true;
    case 'b':
      build();
      return true;
    default:
      unsupported(
          fmt::format("has a pickle with the opcode 0x{:02x} at byte {}, which data of "
                      "tensors does not need",
                      opcode, at_));
  }
}

}  // namespace

std::string_view name_of(PickleValue::Kind kind) noexcept {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
      return "an integer";
    case Kind::kFloat:
      return "a float";
    case Kind::kString:
      return "a string";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "a name";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "";
}

TorchPickle read_torch_pickle(ByteReader& in) { return Machine(in).run(); }

}  // namespace cutaway::io
