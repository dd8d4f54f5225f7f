#include "io/gguf.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace cutaway::io {
namespace {

// Written by the `gguf` package: tests/fixtures/io/make_io_fixtures.py holds the same values.
GgufFile reference(bool use_mmap = true) {
  return GgufFile::read(std::filesystem::path(CUTAWAY_FIXTURES) / "io" / "reference.gguf",
                        use_mmap);
}

const StoredTensor& tensor(const GgufFile& file, std::string_view name) {
  const auto found =
      std::ranges::find_if(file.tensors(), [&](const StoredTensor& t) { return t.name == name; });
  if (found == file.tensors().end()) throw std::runtime_error("no tensor " + std::string(name));
  return *found;
}

std::vector<float> values(const StoredTensor& t) {
  std::vector<float> out(t.count());
  to_f32(t, out);
  return out;
}

TEST(Gguf, ReadsEveryMetadataTypeOfTheReferenceWriter) {
  const GgufFile file = reference();
  EXPECT_EQ(*file.find_string("general.architecture"), "llama");
  EXPECT_EQ(file.find_int("t.u8"), 200);
  EXPECT_EQ(file.find_int("t.i8"), -100);
  EXPECT_EQ(file.find_int("t.u16"), 60000);
  EXPECT_EQ(file.find_int("t.i16"), -30000);
  EXPECT_EQ(file.find_int("t.u32"), 4000000000);
  EXPECT_EQ(file.find_int("t.i32"), -2000000000);
  EXPECT_EQ(file.find_int("t.u64_small"), std::int64_t{1} << 40);
  EXPECT_EQ(file.find_int("t.i64"), -(std::int64_t{1} << 62));
  EXPECT_EQ(std::get<std::uint64_t>(file.metadata().find("t.u64")->second), (1ULL << 63) + 5);
  EXPECT_EQ(file.find_double("t.f32"), static_cast<double>(0.1F));
  EXPECT_EQ(file.find_double("t.f64"), 0.1);
  EXPECT_EQ(file.find_double("t.u8"), 200.0);
  EXPECT_EQ(file.find_bool("t.bool"), true);
  EXPECT_EQ(*file.find_string("t.string"), "h\u00e9llo\n");
  EXPECT_EQ(*file.find_strings("t.strings"), (std::vector<std::string>{"a", "", "\u2581the"}));
  EXPECT_EQ(*file.find_ints("t.ints"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(*file.find_doubles("t.floats"), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(*file.find_bools("t.bools"), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(file.find_int("absent"), std::nullopt);
  EXPECT_EQ(file.find_string("absent"), nullptr);
  EXPECT_FALSE(file.has("absent"));
}

TEST(Gguf, ReadsTheTensorsOfTheReferenceWriterSlowestAxisFirst) {
  for (bool use_mmap : {true, false}) {
    const GgufFile file = reference(use_mmap);
    ASSERT_EQ(file.tensors().size(), 5u);
    EXPECT_EQ(tensor(file, "m.f32").shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(values(tensor(file, "m.f32")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(tensor(file, "m.f16").shape, (std::vector<std::size_t>{3, 2}));
    EXPECT_EQ(values(tensor(file, "m.f16")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(values(tensor(file, "m.i32")), (std::vector<float>{-1, 2, -3}));
    EXPECT_EQ(values(tensor(file, "m.bf16")), (std::vector<float>{1, -2.5, 0, 3}));
    const StoredTensor& blocks = tensor(file, "m.q8_0");
    EXPECT_EQ(blocks.dtype, DType::kQ8_0);
    EXPECT_EQ(blocks.shape, (std::vector<std::size_t>{2, 64}));
    EXPECT_EQ(blocks.bytes.size(), 4u * 34u);
  }
}

TEST(Gguf, AnotherTypeThanAskedForNamesFileAndKey) {
  const GgufFile file = reference();
  try {
    static_cast<void>(file.find_int("t.string"));
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_NE(error.subject().find("reference.gguf"), std::string::npos);
    EXPECT_EQ(error.detail(), "key 't.string' is a string, expected an integer");
  }
  EXPECT_THROW(static_cast<void>(file.find_int("t.u64")), FormatError);
  EXPECT_THROW(static_cast<void>(file.find_strings("t.ints")), FormatError);
}

TEST(Gguf, BlocksAreNotWidenedHere) {
  const GgufFile file = reference();
  std::vector<float> out(128);
  EXPECT_THROW(to_f32(tensor(file, "m.q8_0"), out), UnsupportedError);
}

TEST(Gguf, EveryTruncationIsRefused) {
  const auto whole =
      MappedFile::open(std::filesystem::path(CUTAWAY_FIXTURES) / "io" / "reference.gguf");
  const auto bytes = whole->bytes();
  // The writer pads the last tensor up to the alignment; without that padding the file still holds
  // everything.
  const GgufFile full = GgufFile::read(whole);
  std::size_t end = 0;
  for (const StoredTensor& t : full.tensors()) {
    end = std::max(end, static_cast<std::size_t>(t.bytes.data() + t.bytes.size() - bytes.data()));
  }
  for (std::size_t n = 0; n < end; ++n) {
    const auto cut = MappedFile::from_bytes(
        "cut.gguf", {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)});
    EXPECT_THROW(GgufFile::read(cut), FormatError) << n;
  }
}

}  // namespace
}  // namespace cutaway::io
