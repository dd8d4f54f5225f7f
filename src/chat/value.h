// What a template computes with: Python's values, as far as chat templates use them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "chat/budget.h"

namespace cutaway::chat {

class Value;

/// A name or attribute that is not there. `hint` says which, for the error when it is used.
struct Undefined {
  std::shared_ptr<const std::string> hint;
};
struct None {};
/// A str; immutable and shared. `is_markup`: markupsafe's Markup, made by `safe` and `escape`.
struct Text {
  std::shared_ptr<const std::string> utf8;
  bool is_markup = false;
};

/// Everything that Python iterates by position. A kIterator (what `map`, `select` ... return) has
/// no length, is always true, and is empty after it was walked once.
struct List {
  enum class Flavor : std::uint8_t { kList, kTuple, kRange, kKeys, kValues, kItems, kIterator };
  Flavor flavor = Flavor::kList;
  int depth = 1;
  bool is_group = false;  ///< groupby's tuple, with the attributes grouper and list
  mutable bool is_spent = false;
  std::vector<Value> items;
};

/// A dict in the order of insertion. Look-up is a walk, which the budget pays: those of chat
/// templates have a handful of keys.
struct Dict {
  int depth = 1;
  std::vector<std::pair<Value, Value>> items;
};

/// Things with identity: namespaces, functions, `loop`.
struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  /// Of the values that it holds for good. What can change (namespaces, scopes) counts 0: the
  /// interpreter keeps those alive and takes them apart one by one.
  int depth = 0;
  /// Python's name of the type, for messages and for printing.
  virtual std::string_view type_name() const = 0;
  virtual bool is_callable() const { return false; }
};

class Value {
 public:
  Value() = default;  // undefined
  Value(None) : data_(None{}) {}
  Value(bool b) : data_(b) {}
  Value(std::int64_t i) : data_(i) {}
  Value(double d) : data_(d) {}
  Value(std::shared_ptr<const List> list) : data_(std::move(list)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}
  Value(Text text) : data_(std::move(text)) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(const char*) = delete;  // would become a bool

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }  // and not a bool
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<Text>(data_); }
  bool is_markup() const { return is_string() && std::get<Text>(data_).is_markup; }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  const List* list() const {
    const auto* p = std::get_if<std::shared_ptr<const List>>(&data_);
    return p != nullptr ? p->get() : nullptr;
  }
  bool is_list(List::Flavor flavor) const { return list() != nullptr && list()->flavor == flavor; }
  const Dict* dict() const {
    const auto* p = std::get_if<std::shared_ptr<const Dict>>(&data_);
    return p != nullptr ? p->get() : nullptr;
  }
  const std::shared_ptr<Object>* object() const {
    return std::get_if<std::shared_ptr<Object>>(&data_);
  }
  template <typename T>
  T* as() const {
    return object() != nullptr ? dynamic_cast<T*>(object()->get()) : nullptr;
  }

  bool boolean() const { return std::get<bool>(data_); }
  const std::string& string() const { return *std::get<Text>(data_).utf8; }
  double real() const { return std::get<double>(data_); }
  /// Of an int or a bool: Python counts True as 1.
  std::int64_t integer() const {
    return is_bool() ? std::int64_t{boolean()} : std::get<std::int64_t>(data_);
  }
  bool is_integral() const { return is_bool() || is_int(); }
  double number() const { return is_float() ? real() : static_cast<double>(integer()); }
  std::string hint() const;

 private:
  std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      data_;
};

/// How deep values lie inside this one; Failure beyond kMaxValueDepth when one is put around it.
int depth_of(const Value& value);
int depth_around(int inner);

// Making. Each charges the budget; a list or dict too deep is a Failure.
Value make_string(Budget& budget, std::string text, bool is_markup = false);
Value make_list(Budget& budget, std::vector<Value> items,
                List::Flavor flavor = List::Flavor::kList);
Value make_group(Budget& budget, Value key, Value list);
Value make_undefined(std::string hint);

/// Collects a dict: a later key replaces the value of an earlier equal one, in its place.
class DictBuilder {
 public:
  explicit DictBuilder(Budget& budget) : budget_(budget), dict_(std::make_shared<Dict>()) {}
  void set(Value key, Value value);
  Value take();

 private:
  Budget& budget_;
  std::shared_ptr<Dict> dict_;
};

/// Python's name of a value's type: "str", "list", "Undefined" ...
std::string_view type_name(const Value& value);

bool truthy(const Value& value);
/// Python's ==.
bool equal(Budget& budget, const Value& a, const Value& b);
/// -1, 0, 1, as <; Failure for types that Python does not order.
int compare(Budget& budget, const Value& a, const Value& b, std::string_view op = "<");
/// The value of a key, or nullptr. Failure for a key that Python could not hash.
const Value* find(Budget& budget, const Dict& dict, const Value& key);
const Value* find(Budget& budget, const Dict& dict, std::string_view key);
void require_hashable(const Value& key);

/// len(). Failure for what has none.
std::size_t length(Budget& budget, const Value& value);
/// The elements in order: of a list, the keys of a dict, the characters of a string; spends an
/// iterator. nullopt if Python could not iterate over it.
std::optional<std::vector<Value>> try_iterate(Budget& budget, const Value& value);
std::vector<Value> iterate(Budget& budget, const Value& value);
bool is_iterable(const Value& value);
/// `needle in haystack`.
bool contains(Budget& budget, const Value& haystack, const Value& needle);

}  // namespace cutaway::chat
