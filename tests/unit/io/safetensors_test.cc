#include "io/safetensors.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

const StoredTensor& tensor(std::span<const StoredTensor> all, std::string_view name) {
  const auto found = std::ranges::find_if(all, [&](const auto& t) { return t.name == name; });
  if (found == all.end()) throw std::runtime_error("no tensor " + std::string(name));
  return *found;
}

std::vector<float> values(const StoredTensor& t) {
  std::vector<float> out(t.count());
  to_f32(t, out);
  return out;
}

std::string file_of(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string out(reinterpret_cast<const char*>(&length), 8);
  return out.append(header).append(data);
}

// Written by the `safetensors` package: tests/fixtures/io/make_io_fixtures.py has the same values.
TEST(Safetensors, ReadsEveryDtypeOfTheReferenceWriter) {
  for (bool use_mmap : {true, false}) {
    const SafetensorsFile file = read_safetensors(
        std::filesystem::path(CUTAWAY_FIXTURES) / "io" / "reference.safetensors", use_mmap);
    const auto& all = file.tensors;
    ASSERT_EQ(all.size(), 14u);
    EXPECT_EQ(file.metadata.at("note"), "\u00e9");
    EXPECT_EQ(tensor(all, "f32").shape, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(values(tensor(all, "f32")), (std::vector<float>{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(values(tensor(all, "f64")), (std::vector<float>{0.5, -1.5}));
    EXPECT_EQ(values(tensor(all, "f16")), (std::vector<float>{1, 2, 65504}));
    EXPECT_EQ(values(tensor(all, "i64")), (std::vector<float>{-0x1p40F, 7}));
    EXPECT_EQ(values(tensor(all, "i32")), (std::vector<float>{-5, 6}));
    EXPECT_EQ(values(tensor(all, "i16")), (std::vector<float>{-300, 300}));
    EXPECT_EQ(values(tensor(all, "i8")), (std::vector<float>{-128, 127}));
    EXPECT_EQ(values(tensor(all, "u64")), (std::vector<float>{0x1p40F}));
    EXPECT_EQ(values(tensor(all, "u32")), (std::vector<float>{4e9F}));
    EXPECT_EQ(values(tensor(all, "u16")), (std::vector<float>{65535}));
    EXPECT_EQ(values(tensor(all, "u8")), (std::vector<float>{255, 0}));
    EXPECT_EQ(values(tensor(all, "bool")), (std::vector<float>{1, 0}));
    EXPECT_TRUE(tensor(all, "scalar").shape.empty());
    EXPECT_EQ(values(tensor(all, "scalar")), (std::vector<float>{2.5}));
    EXPECT_EQ(tensor(all, "empty").shape, (std::vector<std::size_t>{0, 4}));
  }
}

TEST(Safetensors, WhatIsWrittenReadsBackTheSameBytes) {
  const TemporaryFolder folder;
  std::mt19937 random(11);
  std::vector<std::vector<std::byte>> storage;
  std::vector<TensorToWrite> tensors;
  for (int i = 0; i < 40; ++i) {
    const auto dtype = static_cast<DType>(random() % 13);
    std::vector<std::size_t> shape(random() % 4);
    for (auto& extent : shape) extent = random() % 5;
    auto& bytes = storage.emplace_back(*checked_bytes(dtype, shape));
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    tensors.push_back({"t\"\u00e9." + std::to_string(i), dtype, shape, {}});
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = storage[i];
  const auto path = folder.path() / "out.safetensors";
  write_safetensors(path, tensors, {{"k", "v\n"}});

  const SafetensorsFile back = read_safetensors(path);
  EXPECT_EQ(back.metadata, (std::map<std::string, std::string>{{"k", "v\n"}}));
  ASSERT_EQ(back.tensors.size(), tensors.size());
  for (const TensorToWrite& t : tensors) {
    const StoredTensor& read = tensor(back.tensors, t.name);
    EXPECT_EQ(read.dtype, t.dtype);
    EXPECT_EQ(read.shape, t.shape);
    EXPECT_TRUE(std::ranges::equal(read.bytes, t.bytes));
    const auto address = reinterpret_cast<std::uintptr_t>(read.bytes.data());
    EXPECT_EQ(address % dtype_info(t.dtype).block_bytes, 0u) << "aligned for its dtype";
  }
}

TEST(Safetensors, WritingChecksItsArguments) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "out.safetensors";
  const float one = 1;
  const auto bytes = std::as_bytes(std::span(&one, 1));
  const auto write = [&](std::vector<TensorToWrite> t) { write_safetensors(path, t); };
  EXPECT_THROW(write({{"a", DType::kF32, {1}, bytes}, {"a", DType::kF32, {1}, bytes}}),
               ArgumentError);
  EXPECT_THROW(write({{"a", DType::kF32, {2}, bytes}}), ArgumentError);
  EXPECT_THROW(write({{"__metadata__", DType::kF32, {1}, bytes}}), ArgumentError);
  EXPECT_THROW(write({{"a\xff", DType::kF32, {1}, bytes}}), ArgumentError);
  EXPECT_THROW(write({{"a", DType::kQ8_0, {32}, bytes}}), ArgumentError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, ErrorsNameFileTensorAndWhatWasFound) {
  const TemporaryFolder folder;
  const auto path = folder.write(
      "model.safetensors", file_of(R"({"a":{"dtype":"F32","shape":[4,8],"data_offsets":[0,64]}})",
                                   std::string(64, '\0')));
  try {
    read_safetensors(path);
    FAIL();
  } catch (const FormatError& error) {
    EXPECT_EQ(std::string(error.what()),
              path.string() + ": tensor 'a' has bytes [0, 64) for shape [4, 8] of f32 (128 bytes)");
  }
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const auto whole =
      MappedFile::open(std::filesystem::path(CUTAWAY_FIXTURES) / "io" / "reference.safetensors");
  const auto bytes = whole->bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW(read_safetensors(MappedFile::from_bytes(
                     "cut", {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)})),
                 FormatError)
        << n;
  }
}

std::string shard(std::string_view name) {
  return file_of(
      "{\"" + std::string(name) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
}

TEST(SafetensorsFolder, JoinsTheShardsOfTheIndex) {
  const TemporaryFolder folder;
  folder.write("one.safetensors", shard("a"));
  folder.write("two.safetensors", shard("b"));
  folder.write("model.safetensors.index.json",
               R"({"metadata":{},"weight_map":{"b":"two.safetensors","a":"one.safetensors"}})");
  const auto tensors = read_safetensors_folder(folder.path());
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "a");
  EXPECT_EQ(tensors[1].name, "b");
}

TEST(SafetensorsFolder, ASingleFileNeedsNoIndex) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", shard("a"));
  EXPECT_EQ(read_safetensors_folder(folder.path()).size(), 1u);
}

template <typename E>
std::string folder_failure(const TemporaryFolder& folder) {
  try {
    read_safetensors_folder(folder.path());
  } catch (const E& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SafetensorsFolder, BrokenIndexesAreRefused) {
  const TemporaryFolder folder;
  EXPECT_NE(folder_failure<IoError>(folder).find("has neither model.safetensors nor"),
            std::string::npos);
  const auto index = [&](std::string_view text) {
    folder.write("model.safetensors.index.json", text);
  };
  folder.write("one.safetensors", shard("a"));
  folder.write("two.safetensors", shard("a"));
  index(R"({"weight_map":{"a":"one.safetensors","b":"one.safetensors"}})");
  EXPECT_NE(folder_failure<FormatError>(folder).find(
                "tensor 'b' is promised in 'one.safetensors', which does not hold it"),
            std::string::npos);
  index(R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  EXPECT_NE(folder_failure<FormatError>(folder).find(
                "tensor 'a' is in 'one.safetensors' and again in 'two.safetensors'"),
            std::string::npos);
  index(R"({"weight_map":{"a":"three.safetensors"}})");
  EXPECT_NE(folder_failure<IoError>(folder).find("three.safetensors: cannot be opened"),
            std::string::npos);
  index(R"({"weight_map":{"a":"../one.safetensors"}})");
  EXPECT_NE(folder_failure<FormatError>(folder).find(
                "field 'weight_map.a' is '../one.safetensors', expected a file name inside"),
            std::string::npos);
  index("{}");
  EXPECT_NE(folder_failure<FormatError>(folder).find("field 'weight_map' is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace cutaway::io
