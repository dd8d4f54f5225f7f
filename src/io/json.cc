#include "io/json.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "io/mapped_file.h"
#include "io/utf8.h"

namespace cutaway::io {

// One record a node, in one block for the whole document: a tokenizer has a million nodes, and a
// path string in each would cost more than the document.
struct Json::Source {
  struct Node {
    std::uint32_t parent;
    std::uint32_t at;          // index in an array, or where the key starts in `keys`
    std::uint32_t key_length;  // kIndex: the parent is an array
  };
  static constexpr std::uint32_t kIndex = std::numeric_limits<std::uint32_t>::max();

  std::string origin;
  std::string keys;
  std::vector<Node> nodes;
};

namespace {

constexpr int kMaxDepth = 64;

std::string_view type_name(Json::Type type) {
  switch (type) {
    case Json::Type::kNull:
      return "null";
    case Json::Type::kBool:
      return "a boolean";
    case Json::Type::kInt:
      return "an integer";
    case Json::Type::kDouble:
      return "a number";
    case Json::Type::kString:
      return "a string";
    case Json::Type::kArray:
      return "an array";
    case Json::Type::kObject:
      return "an object";
  }
  return "";
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

}  // namespace

// Recursive descent over RFC 8259. Open containers grow on two shared stacks, so that every
// finished array or object is allocated once, at its own size.
class JsonBuilder {
 public:
  JsonBuilder(std::string_view text, const std::string& origin)
      : text_(text), source_(std::make_shared<Json::Source>()) {
    source_->origin = origin;
    if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
      throw FormatError(
          origin, fmt::format("has {} bytes, expected a JSON document below 4 GiB", text.size()));
    }
  }

  Json build() {
    skip_space();
    if (at_ == text_.size()) fail("is not valid JSON: it is empty");
    Json root = value(0, 0, Json::Source::kIndex, 0);
    skip_space();
    if (at_ < text_.size()) fail("has text after the end of the JSON document");
    return root;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = at_ - (start == before.npos ? 0 : start + 1) + 1;
    throw FormatError(source_->origin, fmt::format("{} (line {}, column {})", what, line, column));
  }
  [[noreturn]] void fail_expected(std::string_view expected) const {
    if (at_ >= text_.size()) {
      fail(fmt::format("is not valid JSON: it ends where {} was expected", expected));
    }
    const auto c = static_cast<unsigned char>(text_[at_]);
    fail(c > 0x20 && c < 0x7F
             ? fmt::format("is not valid JSON: found '{}', expected {}", text_[at_], expected)
             : fmt::format("is not valid JSON: found byte 0x{:02x}, expected {}", c, expected));
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Json value(std::uint32_t parent, std::uint32_t at, std::uint32_t key_length, int depth) {
    Json out;
    out.id_ = static_cast<std::uint32_t>(source_->nodes.size());
    out.source_ = source_;
    source_->nodes.push_back({parent, at, key_length});
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '"') {
      out.type_ = Json::Type::kString;
      out.value_ = string();
    } else if (c == '{') {
      object(out, depth + 1);
    } else if (c == '[') {
      array(out, depth + 1);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number(out);
    } else if (literal("true") || literal("false")) {
      out.type_ = Json::Type::kBool;
      out.value_ = c == 't';
    } else if (!literal("null")) {
      fail_expected("a value");
    }
    return out;
  }

  bool literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void check_depth(int depth) const {
    if (depth > kMaxDepth) fail(fmt::format("is nested deeper than {} levels", kMaxDepth));
  }

  void object(Json& out, int depth) {
    check_depth(depth);
    ++at_;
    const std::size_t first = members_.size();
    skip_space();
    if (!take('}')) {
      do {
        skip_space();
        if (at_ >= text_.size() || text_[at_] != '"') fail_expected("a key in double quotes");
        std::string key = string();
        skip_space();
        if (!take(':')) fail_expected("':'");
        skip_space();
        const auto key_at = static_cast<std::uint32_t>(source_->keys.size());
        source_->keys += key;
        Json child = value(out.id_, key_at, static_cast<std::uint32_t>(key.size()), depth);
        members_.emplace_back(std::move(key), std::move(child));
        skip_space();
      } while (take(','));
      if (!take('}')) fail_expected("',' or '}'");
    }
    const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<Json::Member> members(std::make_move_iterator(begin),
                                      std::make_move_iterator(members_.end()));
    members_.erase(begin, members_.end());
    refuse_duplicates(out, members);
    out.type_ = Json::Type::kObject;
    out.value_ = std::move(members);
  }

  // By sorting, since a hash table can be made slow by the file.
  static void refuse_duplicates(const Json& object, const std::vector<Json::Member>& members) {
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& [key, unused] : members) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end())
      object.fail(fmt::format("has the key '{}' more than once", printable(*twice)));
  }

  void array(Json& out, int depth) {
    check_depth(depth);
    ++at_;
    const std::size_t first = items_.size();
    skip_space();
    if (!take(']')) {
      std::uint32_t index = 0;
      do {
        skip_space();
        Json child = value(out.id_, index++, Json::Source::kIndex, depth);
        items_.push_back(std::move(child));
        skip_space();
      } while (take(','));
      if (!take(']')) fail_expected("',' or ']'");
    }
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<Json> items(std::make_move_iterator(begin), std::make_move_iterator(items_.end()));
    items_.erase(begin, items_.end());
    out.type_ = Json::Type::kArray;
    out.value_ = std::move(items);
  }

  std::string string() {
    ++at_;
    std::string out;
    while (true) {
      const std::size_t start = at_;
      unsigned char seen = 0;
      unsigned char c = 0;
      while (at_ < text_.size()) {
        c = static_cast<unsigned char>(text_[at_]);
        if (c == '"' || c == '\\' || c < 0x20) break;
        seen = static_cast<unsigned char>(seen | c);
        ++at_;
      }
      const std::string_view plain = text_.substr(start, at_ - start);
      if (seen >= 0x80 && !is_utf8(plain)) {
        at_ = start;
        fail("is not valid JSON: a string is not UTF-8");
      }
      out += plain;
      if (at_ >= text_.size()) fail("is not valid JSON: a string is not closed");
      if (c < 0x20) fail("is not valid JSON: a string holds a raw control character");
      ++at_;
      if (c == '"') return out;
      escape(out);
    }
  }

  void escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == 'u') {
      ++at_;
      std::uint32_t code = hex4();
      if (code >= 0xD800 && code < 0xDC00 && literal("\\u")) {
        const std::uint32_t low = hex4();
        if (low < 0xDC00 || low > 0xDFFF) fail("is not valid JSON: a surrogate stands alone");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xD800 && code <= 0xDFFF) {
        fail("is not valid JSON: a surrogate stands alone");
      }
      append_utf8(out, code);
      return;
    }
    const std::size_t which = c == '\0' ? kLetters.npos : kLetters.find(c);
    if (which == kLetters.npos) fail("is not valid JSON: a string has an unknown escape");
    out += kMeanings[which];
    ++at_;
  }

  std::uint32_t hex4() {
    const std::string_view digits = text_.substr(at_, 4);
    std::uint32_t code = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || parsed.ptr != digits.data() + 4) {
      fail("is not valid JSON: \\u needs four hexadecimal digits");
    }
    at_ += 4;
    return code;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ - start;
  }

  void number(Json& out) {
    const std::size_t start = at_;
    bool is_whole = true;
    take('-');
    if (!take('0') && digits() == 0) fail_expected("a digit");
    if (take('.')) {
      is_whole = false;
      if (digits() == 0) fail_expected("a digit");
    }
    bool tiny = false;
    if (take('e') || take('E')) {
      is_whole = false;
      tiny = take('-');
      if (!tiny) take('+');
      if (digits() == 0) fail_expected("a digit");
    }
    const char* begin = text_.data() + start;
    const char* end = text_.data() + at_;
    std::int64_t whole = 0;
    if (is_whole && std::from_chars(begin, end, whole).ec == std::errc()) {
      out.type_ = Json::Type::kInt;
      out.value_ = whole;
      return;
    }
    // Whole numbers beyond int64 land here too: tokenizers write a length of 10^30 for "no limit".
    double real = 0;
    if (std::from_chars(begin, end, real).ec != std::errc()) {
      // from_chars reports both ends as "out of range"; what is too small is zero.
      if (!tiny) {
        at_ = start;
        fail("is not valid JSON: a number does not fit f64");
      }
      real = *begin == '-' ? -0.0 : 0.0;
    }
    out.type_ = Json::Type::kDouble;
    out.value_ = real;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::shared_ptr<Json::Source> source_;
  std::vector<Json> items_;
  std::vector<Json::Member> members_;
};

Json Json::parse(std::string_view text, const std::string& origin) {
  return JsonBuilder(text, origin).build();
}

Json Json::load(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

bool Json::as_bool() const {
  if (type_ != Type::kBool) fail_type("a boolean");
  return std::get<bool>(value_);
}

std::int64_t Json::as_int() const {
  if (type_ == Type::kInt) return std::get<std::int64_t>(value_);
  if (type_ != Type::kDouble) fail_type("an integer");
  const double real = std::get<double>(value_);
  if (real != std::trunc(real) || real < -0x1p63 || real >= 0x1p63) {
    fail(fmt::format("is {}, expected an integer of 64 bits", real));
  }
  return static_cast<std::int64_t>(real);
}

double Json::as_double() const {
  if (type_ == Type::kInt) return static_cast<double>(std::get<std::int64_t>(value_));
  if (type_ != Type::kDouble) fail_type("a number");
  return std::get<double>(value_);
}

const std::string& Json::as_string() const {
  if (type_ != Type::kString) fail_type("a string");
  return std::get<std::string>(value_);
}

std::span<const Json> Json::items() const {
  if (type_ != Type::kArray) fail_type("an array");
  return std::get<std::vector<Json>>(value_);
}

std::span<const Json::Member> Json::members() const {
  if (type_ != Type::kObject) fail_type("an object");
  return std::get<std::vector<Member>>(value_);
}

const Json* Json::find(std::string_view key) const noexcept {
  const auto* members = std::get_if<std::vector<Member>>(&value_);
  if (members == nullptr) return nullptr;
  for (const auto& [name, child] : *members) {
    if (name == key) return &child;
  }
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  if (type_ != Type::kObject) fail_type("an object");
  if (const Json* found = find(key)) return *found;
  const std::string place = where();
  throw FormatError(origin(), fmt::format("field '{}{}{}' is missing", printable(place),
                                          place.empty() ? "" : ".", key));
}

const std::string& Json::origin() const noexcept {
  static const std::string kNowhere;
  return source_ ? source_->origin : kNowhere;
}

std::string Json::where() const {
  if (!source_) return "";
  std::vector<const Source::Node*> chain;  // from this node up, without the top
  for (std::uint32_t id = id_; id != 0; id = source_->nodes[id].parent) {
    chain.push_back(&source_->nodes[id]);
  }
  std::string out;
  for (auto step = chain.rbegin(); step != chain.rend(); ++step) {
    if ((*step)->key_length == Source::kIndex) {
      out += fmt::format("[{}]", (*step)->at);
    } else {
      if (!out.empty()) out += '.';
      out.append(source_->keys, (*step)->at, (*step)->key_length);
    }
  }
  return out;
}

void Json::fail(std::string_view detail) const {
  const std::string place = where();
  throw FormatError(origin(), place.empty()
                                  ? fmt::format("the document {}", detail)
                                  : fmt::format("field '{}' {}", printable(place), detail));
}

void Json::fail_type(std::string_view expected) const {
  fail(fmt::format("is {}, expected {}", type_name(type_), expected));
}

}  // namespace cutaway::io
