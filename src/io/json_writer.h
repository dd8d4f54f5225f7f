// JSON out: strict, NaN never appears, floats with the fewest digits that read back the same f32.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway::io {

/// A streaming writer with indentation. Misuse (a value without a key inside an object, an unclosed
/// container) is a programming error (assert).
///   JsonWriter w;  w.begin_object();  w.key("tokens");  w.begin_array();  w.value(1);
///   w.end_array();  w.end_object();  w.take();
class JsonWriter {
 public:
  explicit JsonWriter(int indent = 1);  ///< 0: no line breaks
  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);
  void value(std::string_view text);  ///< must be UTF-8; a broken byte is written as U+FFFD
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool b);
  void value(std::int64_t i);
  void value(int i) { value(static_cast<std::int64_t>(i)); }
  void value(std::size_t i) { value(static_cast<std::int64_t>(i)); }
  void value(float f);   ///< NaN and infinities become null
  void value(double d);  ///< likewise
  void null();
  template <typename T>
  void member(std::string_view name, const T& v) {
    key(name);
    value(v);
  }
  /// The finished document with a final newline.
  std::string take();

 private:
  void before_value();
  void newline();
  struct Level {
    bool is_object;
    bool is_empty;
  };
  std::string out_;
  std::vector<Level> levels_;
  int indent_;
  bool after_key_ = false;
};

}  // namespace cutaway::io
