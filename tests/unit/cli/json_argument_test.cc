#include "json_argument.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace cutaway::cli {
namespace {

using Words = std::vector<std::string>;

TEST(JsonArgument, WithoutAWordIsStandardOutput) {
  EXPECT_EQ(bind_json_argument({"--json"}), (Words{"--json=-"}));
  EXPECT_EQ(bind_json_argument({"--json", "--top", "3"}), (Words{"--json=-", "--top", "3"}));
  EXPECT_EQ(bind_json_argument({"--json", "-"}), (Words{"--json=-"}));
}

TEST(JsonArgument, TakesTheFileAfterIt) {
  EXPECT_EQ(bind_json_argument({"--json", "out.json", "m"}), (Words{"--json=out.json", "m"}));
  EXPECT_EQ(bind_json_argument({"--json=out"}), (Words{"--json=out"}));
}

TEST(JsonArgument, NeverTakesAModelForAFile) {
  const std::string folder = std::filesystem::temp_directory_path().string();
  EXPECT_EQ(bind_json_argument({"--json", folder}), (Words{"--json=-", folder}));
  EXPECT_EQ(bind_json_argument({"--json", "m.gguf"}), (Words{"--json=-", "m.gguf"}));
  EXPECT_EQ(bind_json_argument({"--json", "no-such-org/name"}),
            (Words{"--json=-", "no-such-org/name"}));
  EXPECT_EQ(bind_json_argument({"--json", folder + "/new.json"}),
            (Words{"--json=" + folder + "/new.json"}));
}

TEST(JsonArgument, LeavesWordsAfterADoubleDashAlone) {
  EXPECT_EQ(bind_json_argument({"--", "--json"}), (Words{"--", "--json"}));
}

}  // namespace
}  // namespace cutaway::cli
