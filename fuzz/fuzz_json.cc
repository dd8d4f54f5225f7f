#include <cutaway/error.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "fuzz_target.h"
#include "io/json.h"
#include "io/json_writer.h"

namespace {

using cutaway::io::Json;
using cutaway::io::JsonWriter;

void write(const Json& in, JsonWriter& out) {
  switch (in.type()) {
    case Json::Type::kNull:
      return out.null();
    case Json::Type::kBool:
      return out.value(in.as_bool());
    case Json::Type::kInt:
      return out.value(in.as_int());
    case Json::Type::kDouble:
      return out.value(in.as_double());
    case Json::Type::kString:
      return out.value(in.as_string());
    case Json::Type::kArray:
      out.begin_array();
      for (const Json& item : in.items()) write(item, out);
      return out.end_array();
    case Json::Type::kObject:
      out.begin_object();
      for (const auto& [key, member] : in.members()) {
        out.key(key);
        write(member, out);
      }
      return out.end_object();
  }
}

}  // namespace

// What was read and written again must read back and give the same text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string first;
  try {
    const Json document = Json::parse(text, "fuzz");
    JsonWriter out(0);
    write(document, out);
    first = out.take();
  } catch (const cutaway::Error&) {
    return 0;
  }
  JsonWriter again(0);
  write(Json::parse(first, "written"), again);
  if (again.take() != first) throw std::logic_error("a document changed when written again");
  return 0;
}
