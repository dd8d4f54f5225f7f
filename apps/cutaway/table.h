// A plain table: columns as wide as their widest cell.
#pragma once

#include <string>
#include <vector>

namespace cutaway::cli {

class Table {
 public:
  enum class Align : bool { kLeft, kRight };
  void column(std::string header, Align align = Align::kLeft);
  /// One cell a column. Cells are shown as given: escape model text first.
  void row(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }
  /// Lines with two spaces between columns, none at the end of a line.
  std::string to_string() const;

 private:
  std::vector<std::string> headers_;
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace cutaway::cli
