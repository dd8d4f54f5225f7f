#include "io/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "io/json.h"

namespace cutaway::io {
namespace {

TEST(JsonWriter, WritesNestedContainersWithIndentation) {
  JsonWriter w;
  w.begin_object();
  w.member("a", 1);
  w.key("b");
  w.begin_array();
  w.value("x");
  w.value(true);
  w.null();
  w.end_array();
  w.key("e");
  w.begin_array();
  w.end_array();
  w.end_object();
  EXPECT_EQ(w.take(), "{\n \"a\": 1,\n \"b\": [\n  \"x\",\n  true,\n  null\n ],\n \"e\": []\n}\n");
}

TEST(JsonWriter, IndentZeroWritesOneLine) {
  JsonWriter w(0);
  w.begin_object();
  w.member("a", 1.5F);
  w.member("b", std::size_t{7});
  w.end_object();
  EXPECT_EQ(w.take(), "{\"a\":1.5,\"b\":7}\n");
}

TEST(JsonWriter, NotANumberBecomesNull) {
  JsonWriter w(0);
  w.begin_array();
  w.value(std::numeric_limits<float>::quiet_NaN());
  w.value(std::numeric_limits<double>::infinity());
  w.value(-std::numeric_limits<float>::infinity());
  w.end_array();
  EXPECT_EQ(w.take(), "[null,null,null]\n");
}

TEST(JsonWriter, FloatsReadBackTheSame) {
  std::mt19937 random(7);
  JsonWriter w(0);
  std::vector<float> values{0.0F, -0.0F, 1e-45F, 3.4028235e38F, 0.1F, 1e20F};
  while (values.size() < 2000) {
    const float f = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isfinite(f)) values.push_back(f);
  }
  w.begin_array();
  for (float f : values) w.value(f);
  w.end_array();
  const Json doc = Json::parse(w.take(), "f.json");
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(static_cast<float>(doc.items()[i].as_double()), values[i]);
  }
}

TEST(JsonWriter, EscapesWhatJsonNeedsAndReplacesBrokenUtf8) {
  JsonWriter w(0);
  w.value("\"\\\n\x01\xC3\xA9\xFF\xF0\x9F\x98\x80\xED\xA0\x80\x7F");
  const std::string text = w.take();
  EXPECT_EQ(
      Json::parse(text, "f").as_string(),
      "\"\\\n\x01\xC3\xA9\xEF\xBF\xBD\xF0\x9F\x98\x80\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x7F");
}

TEST(JsonWriter, Int64LimitsReadBack) {
  JsonWriter w(0);
  w.begin_array();
  w.value(INT64_MIN);
  w.value(INT64_MAX);
  w.end_array();
  EXPECT_EQ(w.take(), "[-9223372036854775808,9223372036854775807]\n");
}

}  // namespace
}  // namespace cutaway::io
