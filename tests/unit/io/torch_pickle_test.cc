// Bounds of the pickle reader that no small file shows.
#include "io/torch_pickle.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>

namespace cutaway::io {
namespace {

TorchPickle read(const std::string& text) {
  ByteReader in(std::as_bytes(std::span(text)), "test");
  return read_torch_pickle(in);
}

TEST(TorchPickle, StopsAtSixteenMebibytes) {
  const std::string values(std::size_t{17} << 20, 'N');
  try {
    read(values);
    FAIL() << "was accepted";
  } catch (const UnsupportedError& error) {
    EXPECT_NE(std::string(error.what()).find("is a pickle of more than 16777216 bytes"),
              std::string::npos)
        << error.what();
  }
}

TEST(TorchPickle, ReadsWhatItIsGivenOnceHoweverOftenItIsNamed) {
  // A tuple of a million values, handed to Size a million times: neither is ever copied.
  std::string text = "(" + std::string(1 << 20, 'N') + "tq\x01";
  text += "ctorch\nSize\nq\x02]";
  for (int i = 0; i < 1 << 20; ++i) text += std::string("h\x02h\x01\x85Ra", 7);
  text += "\x87.";
  const TorchPickle pickle = read(text);
  EXPECT_EQ(pickle.at(pickle.root).items.size(), 3u);
  EXPECT_EQ(pickle.at(pickle.at(pickle.root).items[2]).items.size(), std::size_t{1} << 20);
}

TEST(TorchPickle, KeepsMemoPlacesThatAFileChose) {
  // Multiples of a number that hash tables like as their size.
  std::string text = "]";
  for (std::uint32_t i = 0; i < 200000; ++i) {
    const std::uint32_t place = i * 20753;
    text += 'r';
    text.append(reinterpret_cast<const char*>(&place), 4);
  }
  EXPECT_EQ(read(text + ".").root, read("].").root);
}

TEST(TorchPickle, ReadsSignedIntegersOfEveryLength) {
  const auto number = [](const std::string& bytes) {
    const TorchPickle pickle =
        read("\x8a" + std::string(1, static_cast<char>(bytes.size())) + bytes + ".");
    return pickle.at(pickle.root).number;
  };
  EXPECT_EQ(number(""), 0);
  EXPECT_EQ(number("\x7f"), 127);
  EXPECT_EQ(number("\x80"), -128);
  EXPECT_EQ(number(std::string("\xff\x00", 2)), 255);
  EXPECT_EQ(number(std::string("\x00\x00\x00\x00\x00\x01", 6)), std::int64_t{1} << 40);
  EXPECT_EQ(number("\xff\xff\xff\xff\xff\xff\xff\xff"), -1);
  EXPECT_EQ(read(std::string("J\xfe\xff\xff\xff.")).at(4).number, -2);
}

}  // namespace
}  // namespace cutaway::io
