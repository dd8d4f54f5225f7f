#include "io/json.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace cutaway::io {
namespace {

std::string message_of(std::string_view text) {
  try {
    Json::parse(text, "f.json");
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

template <typename F>
std::string failure(F&& f) {
  try {
    f();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Json, ReadsEveryType) {
  const Json doc = Json::parse(
      R"( {"n":null,"t":true,"i":-7,"d":1.5,"s":"a\u00e9\ud83d\ude00","a":[1,[],{}],"o":{"k":false}} )",
      "f.json");
  EXPECT_TRUE(doc.at("n").is_null());
  EXPECT_TRUE(doc.at("t").as_bool());
  EXPECT_EQ(doc.at("i").as_int(), -7);
  EXPECT_EQ(doc.at("d").as_double(), 1.5);
  EXPECT_EQ(doc.at("s").as_string(), "a\u00e9\U0001F600");
  ASSERT_EQ(doc.at("a").items().size(), 3u);
  EXPECT_TRUE(doc.at("a").items()[1].items().empty());
  EXPECT_TRUE(doc.at("a").items()[2].members().empty());
  EXPECT_FALSE(doc.at("o").at("k").as_bool());
  EXPECT_EQ(doc.find("absent"), nullptr);
  EXPECT_EQ(doc.at("i").find("absent"), nullptr);
}

TEST(Json, ADocumentMayBeAScalar) {
  EXPECT_EQ(Json::parse(" 12 ", "f.json").as_int(), 12);
  EXPECT_EQ(Json::parse("\"x\"", "f.json").as_string(), "x");
  EXPECT_TRUE(Json::parse("null", "f.json").is_null());
  EXPECT_TRUE(Json::parse("true", "f.json").as_bool());
  EXPECT_EQ(Json::parse("1.25e2", "f.json").as_double(), 125.0);
}

TEST(Json, MembersKeepTheOrderOfTheFile) {
  const Json doc = Json::parse(R"({"z":1,"a":2,"m":3})", "f.json");
  ASSERT_EQ(doc.members().size(), 3u);
  EXPECT_EQ(doc.members()[0].first, "z");
  EXPECT_EQ(doc.members()[1].first, "a");
  EXPECT_EQ(doc.members()[2].first, "m");
}

TEST(Json, IntegersAreExactUpToInt64AndDoublesBeyond) {
  const Json doc = Json::parse(
      "[9223372036854775807,-9223372036854775808,9223372036854775808,18446744073709551615,"
      "1000000000000000019884624838656,1.0,0.5]",
      "f.json");
  const auto items = doc.items();
  EXPECT_EQ(items[0].as_int(), INT64_MAX);
  EXPECT_EQ(items[1].as_int(), INT64_MIN);
  EXPECT_EQ(items[2].type(), Json::Type::kDouble);
  EXPECT_EQ(items[2].as_double(), 0x1p63);
  EXPECT_EQ(items[3].as_double(), 0x1p64);
  EXPECT_EQ(items[4].as_double(), 1e30);
  EXPECT_EQ(items[5].as_int(), 1);
  EXPECT_EQ(failure([&] { items[2].as_int(); }),
            "f.json: field '[2]' is 9.223372036854776e+18, expected an integer of 64 bits");
  EXPECT_NE(failure([&] { items[6].as_int(); }).find("is 0.5, expected an integer"),
            std::string::npos);
}

TEST(Json, TypeErrorsNameFileAndField) {
  const Json doc = Json::parse(R"({"a":{"b":[1,2,3,"x"]},"c":[[true]]})", "dir/config.json");
  const Json& x = doc.at("a").at("b").items()[3];
  EXPECT_EQ(x.where(), "a.b[3]");
  EXPECT_EQ(x.origin(), "dir/config.json");
  EXPECT_EQ(failure([&] { x.as_int(); }),
            "dir/config.json: field 'a.b[3]' is a string, expected an integer");
  EXPECT_EQ(failure([&] { doc.at("c").items()[0].items()[0].as_string(); }),
            "dir/config.json: field 'c[0][0]' is a boolean, expected a string");
  EXPECT_EQ(failure([&] { doc.at("a").at("z"); }), "dir/config.json: field 'a.z' is missing");
  EXPECT_EQ(failure([&] { doc.items(); }),
            "dir/config.json: the document is an object, expected an array");
}

TEST(Json, ACopiedNodeStillKnowsWhereItStood) {
  Json copy;
  {
    const Json doc = Json::parse(R"({"a":[{"k":"v"}]})", "f.json");
    copy = doc.at("a").items()[0].at("k");
  }
  EXPECT_EQ(copy.as_string(), "v");
  EXPECT_EQ(copy.where(), "a[0].k");
}

TEST(Json, DuplicateKeysAreRefused) {
  EXPECT_EQ(message_of(R"({"a":1,"b":2,"a":3})"),
            "f.json: the document has the key 'a' more than once");
  EXPECT_EQ(message_of(R"({"x":{"\u0061":1,"a":3}})"),
            "f.json: field 'x' has the key 'a' more than once");
}

TEST(Json, NestingStopsAtSixtyFour) {
  const auto nested = [](int n, const char* open, const char* close) {
    std::string text;
    for (int i = 0; i < n; ++i) text += open;
    for (int i = 0; i < n; ++i) text += close;
    return text;
  };
  EXPECT_EQ(message_of(nested(64, "[", "]")), "accepted");
  EXPECT_EQ(message_of(nested(65, "[", "]")),
            "f.json: is nested deeper than 64 levels (line 1, column 65)");
  EXPECT_NE(message_of(nested(100000, "[", "]")).find("nested deeper than 64"), std::string::npos);
  EXPECT_NE(message_of(nested(100000, "[", "")).find("f.json: is nested deeper"),
            std::string::npos);
  EXPECT_EQ(message_of("{\"a\":" + nested(63, "[", "]") + "}"), "accepted");
  EXPECT_NE(message_of("{\"a\":" + nested(64, "[", "]") + "}"), "accepted");
}

TEST(Json, WhatIsNotJsonIsRefused) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[",
                           "]",
                           "}",
                           "{]",
                           "[}",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "{1:2}",
                           "{'a':1}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":1,,\"b\":2}",
                           "{a:1}",
                           "nul",
                           "nulll",
                           "True",
                           "truefalse",
                           "tru",
                           "falsee",
                           "NaN",
                           "Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "0x10",
                           "1.5.2",
                           "1-2",
                           "--1",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[-]",
                           "[1e]",
                           "[1e400]",
                           "[-1e400]",
                           "[nul]",
                           "[truee]",
                           "[nulll]",
                           "1 2",
                           "{} {}",
                           "[] x",
                           "\"a\" \"b\"",
                           "\"",
                           "\"a",
                           "[\"a]",
                           "[\"\\x\"]",
                           "[\"\\u12\"]",
                           "[\"\\ud800\"]",
                           "[\"\\ud800\\u0041\"]",
                           "[\"\\udc00\"]",
                           "{\"\\udc00\":1}",
                           "[\"a\nb\"]",
                           "[\"\t\"]",
                           "[\"\xff\"]",
                           "[\"\xc0\x80\"]",
                           "[\"\xed\xa0\x80\"]",
                           "\xEF\xBB\xBF{}",
                           "[1]//c",
                           "[1/**/]",
                           "{\"a\":1}}",
                           "[[]",
                           "[]]",
                           "1 x",
                           "\"a\"x",
                           "truex",
                           "null,",
                           "[1e5x]",
                           "[12a]",
                           "[-a]",
                           "{\"a\":[1}]",
                           "[:]",
                           "[1:2]",
                           "[\"a\":1]",
                           "{\"a\",\"b\"}"}) {
    EXPECT_NE(message_of(text), "accepted") << text;
    EXPECT_EQ(message_of(text).rfind("f.json: ", 0), 0u) << text;
  }
  EXPECT_NE(message_of(std::string_view("[]\0", 3)), "accepted");
  EXPECT_NE(message_of(std::string_view("[\"\0\"]", 5)), "accepted");
}

TEST(Json, SyntaxErrorsSayWhereAndWhatWasExpected) {
  EXPECT_EQ(message_of("{\"a\": 1,\n \"b\" 2}"),
            "f.json: is not valid JSON: found '2', expected ':' (line 2, column 6)");
  EXPECT_EQ(message_of("[1,"),
            "f.json: is not valid JSON: it ends where a value was expected (line 1, column 4)");
  EXPECT_EQ(message_of("{} x"),
            "f.json: has text after the end of the JSON document (line 1, column 4)");
}

TEST(Json, WhatIsJsonIsAccepted) {
  for (const char* text : {"{}",
                           "[]",
                           "[0]",
                           "[-0]",
                           "[0.0]",
                           "[1e5]",
                           "[1E+5]",
                           "[1e-5]",
                           "[-0.5e1]",
                           "\t\r\n[ ]\n",
                           "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
                           "[\"\\u0000\"]",
                           "[\"\xf0\x9f\x98\x80\"]",
                           "{\"\":1}",
                           "[1e-400]",
                           "[123456789012345678901234567890]",
                           "[\"\x7f\"]",
                           "\"\"",
                           "0",
                           "-1",
                           "false"}) {
    EXPECT_EQ(message_of(text), "accepted") << text;
  }
  EXPECT_EQ(Json::parse("[\"a\\u0000b\"]", "f").items()[0].as_string(), std::string("a\0b", 3));
}

TEST(Json, ALargeVocabularyKeepsItsPaths) {
  std::string text = "{\"vocab\":{";
  for (int i = 0; i < 20000; ++i) {
    if (i > 0) text += ',';
    text += "\"token" + std::to_string(i) + "\":" + std::to_string(i);
  }
  text += "},\"merges\":[[\"a\",\"b\"],[\"c\",\"d\"]]}";
  const Json doc = Json::parse(text, "f.json");
  const auto vocab = doc.at("vocab").members();
  ASSERT_EQ(vocab.size(), 20000u);
  EXPECT_EQ(vocab[19999].second.as_int(), 19999);
  EXPECT_EQ(vocab[777].second.where(), "vocab.token777");
  EXPECT_EQ(doc.at("merges").items()[1].items()[0].where(), "merges[1][0]");
}

TEST(Json, LoadingAMissingFileIsAnIoError) {
  EXPECT_THROW(Json::load("no-such-folder/config.json"), IoError);
}

}  // namespace
}  // namespace cutaway::io
