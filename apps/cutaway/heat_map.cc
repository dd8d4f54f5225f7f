#include "heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "text.h"

namespace cutaway::cli {
namespace {

constexpr std::size_t kWidestText = 12;  // of a token in a cell
constexpr std::size_t kNarrowestText = 3;

// Background colours of the 256-colour palette, dark to bright, and a foreground that reads on
// each.
struct Shade {
  int background;
  int foreground;
};
constexpr std::array kShades = {Shade{17, 250}, Shade{18, 252}, Shade{24, 255}, Shade{30, 255},
                                Shade{36, 16},  Shade{77, 16},  Shade{149, 16}, Shade{220, 16}};

std::string shaded(const std::string& text, double probability) {
  const double p = std::isfinite(probability) ? std::clamp(probability, 0.0, 1.0) : 0.0;
  const auto level = std::min(kShades.size() - 1,
                              static_cast<std::size_t>(p * static_cast<double>(kShades.size())));
  const Shade shade = kShades[level];
  return fmt::format("\x1b[48;5;{};38;5;{}m{}\x1b[0m", shade.background, shade.foreground, text);
}

std::string without_trailing_spaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

struct Column {
  std::size_t text_width = kNarrowestText;
  std::size_t probability_width = 0;
  std::size_t width() const { return text_width + 1 + probability_width; }
};

Column measure(const HeatMap& map, std::size_t column) {
  Column c;
  c.text_width = std::clamp(display_width(map.column_labels[column]), kNarrowestText, kWidestText);
  for (const auto& row : map.cells) {
    const HeatCell& cell = row[column];
    c.text_width = std::clamp(display_width(cell.text), c.text_width, kWidestText);
    c.probability_width =
        std::max(c.probability_width, format_probability(cell.probability).size());
  }
  return c;
}

}  // namespace

std::string HeatMap::to_string(std::size_t width, bool colour) const {
  std::size_t label_width = std::max<std::size_t>(display_width(corner), 1);
  for (const std::string& label : row_labels) {
    label_width = std::max(label_width, display_width(label));
  }
  std::vector<Column> columns;
  for (std::size_t i = 0; i < column_labels.size(); ++i) columns.push_back(measure(*this, i));

  std::string out;
  for (std::size_t first = 0; first < columns.size();) {
    std::size_t last = first, used = label_width;
    while (last < columns.size() && (last == first || used + 2 + columns[last].width() <= width)) {
      used += 2 + columns[last].width();
      ++last;
    }
    if (first > 0) out += "\n";
    std::string line = fit(corner, label_width);
    for (std::size_t i = first; i < last; ++i) {
      line += "  " + fit(column_labels[i], columns[i].width());
    }
    out += without_trailing_spaces(line);
    for (std::size_t r = 0; r < row_labels.size(); ++r) {
      line = fit(row_labels[r], label_width, true);
      for (std::size_t i = first; i < last; ++i) {
        const HeatCell& cell = cells[r][i];
        const std::string text =
            fit(cell.text, columns[i].text_width) + " " +
            fit(format_probability(cell.probability), columns[i].probability_width, true);
        line += "  " + (colour ? shaded(text, cell.probability) : text);
      }
      out += without_trailing_spaces(line);
    }
    first = last;
  }
  return out;
}

}  // namespace cutaway::cli
