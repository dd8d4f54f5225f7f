#include "heat_map.h"

#include <sstream>

#include <gtest/gtest.h>

#include "text.h"

namespace cutaway::cli {
namespace {

HeatMap grid(std::size_t columns) {
  HeatMap map;
  map.corner = "layer";
  map.row_labels = {"0", "1"};
  for (std::size_t i = 0; i < columns; ++i) map.column_labels.push_back(std::to_string(i) + " ab");
  for (std::size_t r = 0; r < 2; ++r) {
    map.cells.emplace_back();
    for (std::size_t i = 0; i < columns; ++i) map.cells[r].push_back({"word", r == 0 ? 0.5 : 1.0});
  }
  return map;
}

TEST(HeatMap, ShowsEveryCell) {
  EXPECT_EQ(grid(2).to_string(80, false),
            "layer  0 ab         1 ab\n"
            "    0  word  50.0%  word  50.0%\n"
            "    1  word 100.0%  word 100.0%\n");
}

TEST(HeatMap, CutsIntoBandsThatFitTheWidth) {
  std::istringstream lines(grid(9).to_string(40, false));
  std::size_t cells = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), 40U);
    for (auto at = line.find("word"); at != std::string::npos; at = line.find("word", at + 1)) {
      ++cells;
    }
  }
  EXPECT_EQ(cells, 18U);
}

TEST(HeatMap, ColoursOnlyWhenAsked) {
  EXPECT_EQ(grid(2).to_string(80, false).find('\x1b'), std::string::npos);
  const std::string coloured = grid(2).to_string(80, true);
  EXPECT_NE(coloured.find("\x1b[48;5;220;38;5;16mword 100.0%\x1b[0m"), std::string::npos);
}

TEST(HeatMap, CutsLongWords) {
  HeatMap map = grid(1);
  map.cells[0][0].text = std::string(50, 'x');
  EXPECT_NE(map.to_string(80, false).find("xxxxxxxxxxx…"), std::string::npos);
}

}  // namespace
}  // namespace cutaway::cli
