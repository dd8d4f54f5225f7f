#include "io/npz.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

std::filesystem::path fixture(const char* name) {
  return std::filesystem::path(CUTAWAY_FIXTURES) / "io" / name;
}

std::vector<float> values(const NpyArray& array) {
  std::vector<float> out(array.tensor.count());
  to_f32(array.tensor, out);
  return out;
}

std::map<std::string, NpyArray> by_name(std::vector<NpyArray> arrays) {
  std::map<std::string, NpyArray> out;
  for (NpyArray& array : arrays) {
    const std::string name = array.tensor.name;
    out.emplace(name, std::move(array));
  }
  return out;
}

// Written by numpy: tests/fixtures/io/make_io_fixtures.py holds the same values.
TEST(Npz, ReadsWhatNumpyStoresAndDeflates) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto all = by_name(read_npz(fixture(name)));
    ASSERT_EQ(all.size(), 15u);
    EXPECT_EQ(all.at("f32").tensor.shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(values(all.at("f32")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(values(all.at("f64")), (std::vector<float>{0.5, -1.5}));
    EXPECT_EQ(values(all.at("f16")), (std::vector<float>{1, 2, 65504}));
    EXPECT_EQ(values(all.at("i64")), (std::vector<float>{-0x1p40F, 7}));
    EXPECT_EQ(values(all.at("i32")), (std::vector<float>{-5, 6}));
    EXPECT_EQ(values(all.at("i16")), (std::vector<float>{-300, 300}));
    EXPECT_EQ(values(all.at("i8")), (std::vector<float>{-128, 127}));
    EXPECT_EQ(values(all.at("u64")), (std::vector<float>{0x1p40F}));
    EXPECT_EQ(values(all.at("u32")), (std::vector<float>{4e9F}));
    EXPECT_EQ(values(all.at("u16")), (std::vector<float>{65535}));
    EXPECT_EQ(values(all.at("u8")), (std::vector<float>{255, 0}));
    EXPECT_EQ(values(all.at("bool")), (std::vector<float>{1, 0}));
    EXPECT_TRUE(all.at("scalar").tensor.shape.empty());
    EXPECT_EQ(values(all.at("scalar")), (std::vector<float>{2.5}));
    EXPECT_EQ(all.at("empty").tensor.shape, (std::vector<std::size_t>{0, 4}));
  }
}

TEST(Npz, FortranOrderIsTurnedIntoRowMajor) {
  const auto all = by_name(read_npz(fixture("stored.npz")));
  const NpyArray& array = all.at("fortran");
  EXPECT_EQ(array.tensor.shape, (std::vector<std::size_t>{2, 3, 4}));
  const std::vector<float> found = values(array);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(found[i], static_cast<float>(i));
}

TEST(Npz, DeflatedZerosAreNotABomb) {
  const auto all = by_name(read_npz(fixture("deflated.npz")));
  EXPECT_EQ(values(all.at("zeros")), std::vector<float>(64 * 64, 0.0F));
}

TEST(Npz, WhatIsWrittenReadsBackInOrder) {
  const TemporaryFolder folder;
  std::mt19937 random(3);
  std::vector<std::vector<std::byte>> storage;
  std::vector<TensorToWrite> arrays;
  for (int i = 0; i < 30; ++i) {
    const DType dtype = i % 2 == 0 ? DType::kF32 : DType::kU8;
    std::vector<std::size_t> shape(random() % 4);
    for (auto& extent : shape) extent = random() % 4;
    auto& bytes = storage.emplace_back(*checked_bytes(dtype, shape));
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    arrays.push_back({"blocks/" + std::to_string(i) + ".h\u00e9", dtype, shape, {}});
  }
  for (std::size_t i = 0; i < arrays.size(); ++i) arrays[i].bytes = storage[i];
  write_npz(folder.path() / "f.npz", arrays);
  const auto back = read_npz(folder.path() / "f.npz");
  ASSERT_EQ(back.size(), arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(back[i].tensor.name, arrays[i].name);
    EXPECT_EQ(back[i].tensor.shape, arrays[i].shape);
    EXPECT_EQ(back[i].tensor.dtype, arrays[i].dtype);
    EXPECT_TRUE(std::ranges::equal(back[i].tensor.bytes, arrays[i].bytes));
  }
}

TEST(Npz, MoreMembersThan16BitsCountNeedZip64) {
  const TemporaryFolder folder;
  const std::byte one{7};
  std::vector<TensorToWrite> arrays;
  for (int i = 0; i < 65600; ++i) {
    arrays.push_back({std::to_string(i), DType::kU8, {1}, std::span(&one, 1)});
  }
  write_npz(folder.path() / "f.npz", arrays);
  EXPECT_EQ(read_npz(folder.path() / "f.npz").size(), arrays.size());
}

TEST(Npz, WritingChecksItsArguments) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "f.npz";
  const float one = 1;
  const auto bytes = std::as_bytes(std::span(&one, 1));
  const auto write = [&](std::vector<TensorToWrite> a) { write_npz(path, a); };
  EXPECT_THROW(write({{"a", DType::kF32, {1}, bytes}, {"a", DType::kF32, {1}, bytes}}),
               ArgumentError);
  EXPECT_THROW(write({{"a", DType::kF32, {2}, bytes}}), ArgumentError);
  EXPECT_THROW(write({{"a", DType::kBF16, {2}, bytes}}), ArgumentError);
  EXPECT_THROW(write({{"a\xff", DType::kF32, {1}, bytes}}), ArgumentError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Npz, EveryTruncationIsRefused) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const auto whole = MappedFile::open(fixture(name));
    const auto bytes = whole->bytes();
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_THROW(read_npz(MappedFile::from_bytes(
                       "cut.npz", {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)})),
                   FormatError)
          << name << " " << n;
    }
  }
}

TEST(Npy, ReadsAndWritesAVector) {
  const TemporaryFolder folder;
  const NpyArray read = read_npy(fixture("vector.npy"));
  EXPECT_EQ(read.tensor.name, "");
  EXPECT_EQ(values(read), (std::vector<float>{1.5, -2.0, 0.25}));
  write_npy(folder.path() / "v.npy", {"", DType::kF32, {3}, read.tensor.bytes});
  const auto ours = MappedFile::open(folder.path() / "v.npy");
  const auto numpys = MappedFile::open(fixture("vector.npy"));
  EXPECT_TRUE(std::ranges::equal(ours->bytes(), numpys->bytes()));
}

TEST(Npy, ErrorsNameFileAndWhatWasExpected) {
  const auto whole = MappedFile::open(fixture("vector.npy"));
  const auto cut =
      MappedFile::from_bytes("v.npy", {whole->bytes().begin(), whole->bytes().end() - 4});
  try {
    parse_npy(cut, cut->bytes(), "v.npy");
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_STREQ(error.what(), "v.npy: has 8 bytes of data for shape [3] of f32, expected 12");
  }
}

}  // namespace
}  // namespace cutaway::io
