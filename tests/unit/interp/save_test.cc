#include <cutaway/error.h>
#include <cutaway/save.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "unit/io/temporary_folder.h"

namespace cutaway {
namespace {

using io::TemporaryFolder;

Tensor counting(std::vector<std::size_t> shape, float first) {
  Tensor t(std::move(shape));
  for (float& x : t.values()) x = first++;
  return t;
}

void expect_equal(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(
      std::equal(a.values().begin(), a.values().end(), b.values().begin(), b.values().end()));
}

std::string error_of(const std::string& reference) {
  try {
    load_tensor(reference);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Save, ACacheComesBackByTheNamesOfItsKeys) {
  TemporaryFolder folder;
  ActivationCache cache;
  const Tensor after = counting({1, 3, 4}, 0), before = counting({1, 3, 4}, 100);
  cache.store(HookPoint::resid_post(0), When::kAfter, after);
  cache.store(HookPoint::resid_post(0), When::kBefore, before);
  for (const char* ending : {".npz", ".safetensors"}) {
    const std::string file = (folder.path() / "cache").string() + ending;
    save(cache, file);
    expect_equal(load_tensor(file + ":blocks.0.hook_resid_post"), after);
    expect_equal(load_tensor(file + ":blocks.0.hook_resid_post:before"), before);
  }
}

TEST(Save, OneArrayNeedsNoName) {
  TemporaryFolder folder;
  const std::string file = (folder.path() / "one.npz").string();
  save(std::map<std::string, Tensor>{{"v", counting({5}, 1)}}, file);
  expect_equal(load_tensor(file), counting({5}, 1));
}

TEST(Save, SeveralArraysNeedOne) {
  TemporaryFolder folder;
  const std::string file = (folder.path() / "two.safetensors").string();
  save(std::map<std::string, Tensor>{{"a", counting({2}, 0)}, {"b", counting({2}, 7)}}, file);
  EXPECT_EQ(error_of(file),
            file + ": the file holds 2 arrays, expected one, or a name as in " + file + ":a");
  EXPECT_THROW(load_tensor(file + ":c"), UnknownNameError);
}

TEST(Save, AMisspeltArrayOffersTheNearest) {
  TemporaryFolder folder;
  const std::string file = (folder.path() / "c.npz").string();
  save(std::map<std::string, Tensor>{{"blocks.0.hook_z", counting({2}, 0)}}, file);
  EXPECT_EQ(error_of(file + ":blocks.0.hook_y"),
            file +
                ": no array is named 'blocks.0.hook_y', expected one of its 1 names; did you "
                "mean 'blocks.0.hook_z'?");
}

TEST(Save, AnotherEndingIsRefused) {
  EXPECT_THROW(save(ActivationCache{}, "x.pt"), ArgumentError);
  EXPECT_THROW(save(ActivationCache{}, "x"), ArgumentError);
  EXPECT_EQ(error_of("v.pt"),
            "v.pt: not an array file, expected FILE.npy, FILE.npz:NAME or FILE.safetensors:NAME");
  EXPECT_EQ(error_of("v.npy:a"),
            "v.npy:a: a .npy file holds one array without a name, expected FILE.npy");
  EXPECT_THROW(load_tensor("no-such-file.npy"), IoError);
}

TEST(Save, AFailedWriteLeavesTheOldFile) {
  TemporaryFolder folder;
  const auto blocked = folder.path() / "folder.npz";
  std::filesystem::create_directory(blocked);
  EXPECT_THROW(save(ActivationCache{}, blocked), IoError);
  EXPECT_TRUE(std::filesystem::is_directory(blocked));
  std::size_t left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    left += entry.path() == blocked ? 0 : 1;
  }
  EXPECT_EQ(left, 0U);
}

}  // namespace
}  // namespace cutaway
