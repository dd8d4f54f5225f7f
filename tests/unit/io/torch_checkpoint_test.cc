#include "io/torch_checkpoint.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "io/json.h"
#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

std::filesystem::path fixtures() {
  return std::filesystem::path(CUTAWAY_FIXTURES) / "io" / "torch";
}

std::vector<float> values(const StoredTensor& tensor) {
  std::vector<float> out(tensor.count());
  to_f32(tensor, out);
  return out;
}

std::map<std::string, StoredTensor> by_name(std::vector<StoredTensor> tensors) {
  std::map<std::string, StoredTensor> out;
  for (StoredTensor& tensor : tensors) {
    const std::string name = tensor.name;
    out.emplace(name, std::move(tensor));
  }
  return out;
}

DType dtype_of(const std::string& torch_name) {
  static const std::map<std::string, DType> kNames{
      {"float64", DType::kF64},   {"float32", DType::kF32}, {"float16", DType::kF16},
      {"bfloat16", DType::kBF16}, {"int64", DType::kI64},   {"int32", DType::kI32},
      {"int16", DType::kI16},     {"int8", DType::kI8},     {"uint32", DType::kU32},
      {"uint16", DType::kU16},    {"uint8", DType::kU8},    {"bool", DType::kBool}};
  return kNames.at(torch_name);
}

// torch_expected.json holds what torch.load gives for each file.
TEST(TorchCheckpoint, ReadsWhatTorchLoads) {
  const Json table = Json::load(fixtures() / "torch_expected.json");
  ASSERT_EQ(table.members().size(), 9u);
  for (const auto& [file, expected] : table.members()) {
    for (const bool use_mmap : {true, false}) {
      SCOPED_TRACE(file);
      const auto tensors = read_torch_checkpoint(fixtures() / file, use_mmap);
      ASSERT_EQ(tensors.size(), expected.items().size());
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        const Json& row = expected.items()[i];
        const StoredTensor& tensor = tensors[i];
        SCOPED_TRACE(tensor.name);
        EXPECT_EQ(tensor.name, row.at("name").as_string());
        EXPECT_EQ(tensor.dtype, dtype_of(row.at("dtype").as_string()));
        std::vector<std::size_t> shape;
        for (const Json& extent : row.at("shape").items()) {
          shape.push_back(static_cast<std::size_t>(extent.as_int()));
        }
        EXPECT_EQ(tensor.shape, shape);
        EXPECT_EQ(tensor.bytes.size(), tensor.count() * dtype_info(tensor.dtype).block_bytes);
        std::vector<float> numbers;
        for (const Json& v : row.at("values").items()) {
          numbers.push_back(static_cast<float>(v.as_double()));
        }
        EXPECT_EQ(values(tensor), numbers);
      }
    }
  }
}

TEST(TorchCheckpoint, LooksIntoTheFileWhereElementsLieInOrder) {
  for (const char* name : {"views.pth", "views_old.pth", "views_protocol4.pth"}) {
    const auto all = by_name(read_torch_checkpoint(fixtures() / name));
    const StoredTensor& base = all.at("base");
    EXPECT_EQ(all.at("tied").bytes.data(), base.bytes.data());
    EXPECT_EQ(all.at("rows").bytes.data(), base.bytes.data() + 6 * 4);
    EXPECT_EQ(all.at("row").bytes.data(), base.bytes.data() + 12 * 4);
    EXPECT_EQ(all.at("last").bytes.data(), base.bytes.data() + 23 * 4);
    const auto file = base.file->bytes();
    EXPECT_GE(base.bytes.data(), file.data());
    EXPECT_LE(base.bytes.data() + base.bytes.size(), file.data() + file.size());
    // A copy belongs to its own memory; equal views share it.
    EXPECT_NE(all.at("transposed").file, base.file);
    EXPECT_EQ(all.at("transposed").bytes.data(), all.at("transposed_again").bytes.data());
  }
}

TEST(TorchCheckpoint, LivesAsLongAsATensorOfIt) {
  std::vector<float> found;
  {
    const auto all = by_name(read_torch_checkpoint(fixtures() / "views_deflated.pth"));
    const StoredTensor kept = all.at("columns");
    found = values(kept);
  }
  EXPECT_EQ(found, (std::vector<float>{2, 3, 4, 8, 9, 10, 14, 15, 16, 20, 21, 22}));
}

TEST(TorchCheckpoint, CutAnywhereIsRefused) {
  for (const char* name : {"views.pth", "views_old.pth", "training.pth", "views_deflated.pth"}) {
    const auto file = MappedFile::open(fixtures() / name);
    for (std::size_t size = 0; size < file->bytes().size(); ++size) {
      const auto part = file->bytes().subspan(0, size);
      EXPECT_THROW(read_torch_checkpoint(MappedFile::from_bytes("cut", {part.begin(), part.end()})),
                   Error)
          << name << " at " << size;
    }
  }
}

TEST(TorchFolder, ReadsOneFileOrTheShardsOfItsIndex) {
  const auto single = read_torch_folder(fixtures() / "single");
  ASSERT_EQ(single.size(), 1u);
  EXPECT_EQ(single[0].name, "w");
  EXPECT_EQ(values(single[0]), (std::vector<float>{1, 2}));
  const auto sharded = by_name(read_torch_folder(fixtures() / "sharded", false));
  ASSERT_EQ(sharded.size(), 3u);
  EXPECT_EQ(values(sharded.at("a.weight")), (std::vector<float>{1, 1, 1, 1}));
  EXPECT_EQ(values(sharded.at("b.weight")), (std::vector<float>{0, 1, 2}));
  EXPECT_EQ(values(sharded.at("c.weight")), (std::vector<float>{7}));
}

TEST(TorchFolder, WithoutCheckpointsNamesBothFilesThatItLookedFor) {
  const TemporaryFolder folder;
  try {
    read_torch_folder(folder.path());
    FAIL() << "was accepted";
  } catch (const IoError& error) {
    EXPECT_NE(std::string(error.what())
                  .find("has neither pytorch_model.bin nor pytorch_model.bin.index.json"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace cutaway::io
