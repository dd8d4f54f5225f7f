#include "io/hub_cache.h"

#include <cutaway/error.h>
#include <gtest/gtest.h>

#include "unit/io/temporary_folder.h"

namespace cutaway::io {
namespace {

TEST(HubCache, TheMoreSpecificVariableWins) {
  EXPECT_EQ(hub_cache_folder({"/a", "/b", "/c"}), std::filesystem::path("/a"));
  EXPECT_EQ(hub_cache_folder({"", "/b", "/c"}), std::filesystem::path("/b/hub"));
  EXPECT_EQ(hub_cache_folder({"", "", "/c"}), std::filesystem::path("/c/.cache/huggingface/hub"));
  EXPECT_EQ(hub_cache_folder({}), std::nullopt);
}

TEST(HubCache, FindsTheRevisionThatRefsMainNames) {
  const TemporaryFolder cache;
  cache.write("models--org--name/refs/main", "abc123\n");
  cache.write("models--org--name/snapshots/abc123/config.json", "{}");
  cache.write("models--org--name/snapshots/zzz/config.json", "{}");
  EXPECT_EQ(find_cached_snapshot("org/name", {cache.path().string(), "", ""}),
            cache.path() / "models--org--name/snapshots/abc123");
  EXPECT_EQ(find_cached_snapshot("org/other", {cache.path().string(), "", ""}), std::nullopt);
}

TEST(HubCache, WithoutRefsMainOnlyASingleSnapshotCounts) {
  const TemporaryFolder cache;
  cache.write("models--gpt2/snapshots/one/config.json", "{}");
  EXPECT_EQ(find_cached_snapshot("gpt2", {cache.path().string(), "", ""}),
            cache.path() / "models--gpt2/snapshots/one");
  cache.write("models--gpt2/snapshots/two/config.json", "{}");
  EXPECT_EQ(find_cached_snapshot("gpt2", {cache.path().string(), "", ""}), std::nullopt);
}

TEST(HubCache, ARevisionWithoutItsSnapshotIsNotHeld) {
  const TemporaryFolder cache;
  cache.write("models--org--name/refs/main", "abc123");
  cache.write("models--org--name/snapshots/other/config.json", "{}");
  EXPECT_EQ(find_cached_snapshot("org/name", {cache.path().string(), "", ""}), std::nullopt);
}

TEST(HubCache, NothingLeadsOutOfTheCache) {
  const TemporaryFolder cache;
  const HubCachePaths paths{cache.path().string(), "", ""};
  for (const char* id : {"", "/", "a/", "/b", "a/b/c", "../x", "a/..", "a b/c", "./x", "x/."}) {
    EXPECT_THROW(find_cached_snapshot(id, paths), ArgumentError) << id;
  }
  cache.write("models--org--name/snapshots/abc/config.json", "{}");
  for (const char* revision : {"../../other", "..", "a/b", "", "."}) {
    cache.write("models--org--name/refs/main", revision);
    EXPECT_THROW(find_cached_snapshot("org/name", paths), FormatError) << revision;
  }
}

}  // namespace
}  // namespace cutaway::io
