// What the chat tests share: reading what jinja2 said.
#pragma once

#include <cutaway/chat.h>
#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "io/json.h"
#include "io/json_writer.h"

namespace cutaway {

inline std::filesystem::path chat_fixtures() {
  return std::filesystem::path(CUTAWAY_FIXTURES) / "chat";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_json(const io::Json& json, io::JsonWriter& out) {
  switch (json.type()) {
    case io::Json::Type::kNull:
      return out.null();
    case io::Json::Type::kBool:
      return out.value(json.as_bool());
    case io::Json::Type::kInt:
      return out.value(json.as_int());
    case io::Json::Type::kDouble:
      return out.value(json.as_double());
    case io::Json::Type::kString:
      return out.value(json.as_string());
    case io::Json::Type::kArray:
      out.begin_array();
      for (const io::Json& item : json.items()) write_json(item, out);
      return out.end_array();
    case io::Json::Type::kObject:
      out.begin_object();
      for (const auto& [key, member] : json.members()) {
        out.key(key);
        write_json(member, out);
      }
      return out.end_object();
  }
}

/// A part of a document as a document of its own; "" for nullptr.
inline std::string json_text(const io::Json* json) {
  if (json == nullptr) return {};
  io::JsonWriter out(0);
  write_json(*json, out);
  return out.take();
}

/// What came of a rendering, in the words of oracle.py.
struct Outcome {
  std::string kind;  ///< output, raised or fails
  std::string text;
};

inline void PrintTo(const Outcome& o, std::ostream* out) { *out << o.kind << ": " << o.text; }

template <typename Render>
Outcome outcome_of(const Render& render) {
  try {
    return {"output", render()};
  } catch (const ArgumentError& error) {
    return {"raised", error.detail()};
  } catch (const FormatError& error) {
    return {"fails", error.what()};
  }
}

/// Whether they agree: the same text, the same refusal, or any failure for a failure (the messages
/// are our own).
inline bool agrees(const Outcome& ours, const io::Json& theirs) {
  const io::Json* expected = theirs.find(ours.kind);
  if (expected == nullptr) return false;
  if (ours.kind == "output") return ours.text == expected->as_string();
  if (ours.kind == "raised") return ours.text.find(expected->as_string()) != std::string::npos;
  return true;
}

inline std::chrono::sys_seconds seconds_at(std::int64_t seconds) {
  return std::chrono::sys_seconds{std::chrono::seconds{seconds}};
}

}  // namespace cutaway
