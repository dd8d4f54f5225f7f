// A grid of words and probabilities, coloured by probability on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cutaway::cli {

struct HeatCell {
  std::string text;  ///< escaped already
  double probability = 0.0;
};

struct HeatMap {
  std::string corner;                        ///< heads the row labels
  std::vector<std::string> row_labels;       ///< escaped
  std::vector<std::string> column_labels;    ///< escaped
  std::vector<std::vector<HeatCell>> cells;  ///< by row, one a column

  /// Lines of at most `width` columns: where the grid is wider, it is cut into bands of columns,
  /// each with the row labels. Every cell shows its text (cut to fit) and its probability.
  std::string to_string(std::size_t width, bool colour) const;
};

}  // namespace cutaway::cli
