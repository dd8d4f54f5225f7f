#include "tokenizer/post_processors.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

// "Ġ", the spelling of a space, or white space itself (in added tokens).
bool is_space(char32_t c) noexcept { return c == 0x120 || is(c, kSpace); }

std::uint32_t leading_spaces(std::string_view piece) noexcept {
  std::uint32_t count = 0;
  for (std::size_t pos = 0; pos < piece.size() && is_space(next_code_point(piece, pos));) ++count;
  return count;
}

std::uint32_t trailing_spaces(std::string_view piece) noexcept {
  std::uint32_t count = 0;
  for (std::size_t pos = piece.size(); pos > 0 && is_space(previous_code_point(piece, pos));) {
    ++count;
  }
  return count;
}

void trim(Origin& range, std::uint32_t leading, std::uint32_t trailing, bool is_first,
          bool add_prefix_space) noexcept {
  if (leading > 0) {
    if ((is_first || range.begin == 0) && add_prefix_space && leading == 1) leading = 0;
    range.begin = std::min(range.begin + leading, range.end);
  }
  if (trailing > 0 && range.end >= trailing) {
    range.end = std::max(range.end - trailing, range.begin);
  }
}

using Segments = std::vector<std::vector<Item>>;

struct Process {
  Segments& segments;
  bool add_special_tokens;

  void operator()(const TrimOffsets& options) const {
    for (auto& segment : segments) {
      for (std::size_t i = 0; i < segment.size(); ++i) {
        Item& item = segment[i];
        const std::uint32_t leading = leading_spaces(item.piece);
        const std::uint32_t trailing = trailing_spaces(item.piece);
        if (leading == 0 && trailing == 0) continue;
        trim(item.chars, leading, trailing, i == 0, options.add_prefix_space);
      }
    }
  }

  void operator()(const Template& pattern) const {
    Segments out;
    for (const Template::Part& part : pattern.parts) {
      if (part.is_text) {
        out.push_back(segments.front());
      } else if (add_special_tokens) {
        out.emplace_back();
        for (std::size_t i = 0; i < part.ids.size(); ++i) {
          out.back().push_back({part.ids[i], part.pieces[i], {0, 0}, true});
        }
      }
    }
    segments = std::move(out);
  }

  void operator()(const Brackets& brackets) const {
    if (!add_special_tokens) return;
    bool is_first = true;
    for (auto& segment : segments) {
      for (Item& item : segment) item.special = false;  // what stood there before is text to it
      const Item begin{brackets.begin, brackets.begin_piece, {0, 0}, true};
      const Item end{brackets.end, brackets.end_piece, {0, 0}, true};
      if (is_first) {
        segment.insert(segment.begin(), begin);
      } else if (brackets.begins_others) {
        segment.insert(segment.begin(), end);
      }
      segment.push_back(end);
      is_first = false;
    }
  }
};

}  // namespace

std::vector<Item> post_process(const std::vector<PostProcessor>& processors,
                               std::vector<Item> items, bool add_special_tokens) {
  if (processors.empty()) return items;
  Segments segments;
  segments.push_back(std::move(items));
  for (const PostProcessor& processor : processors) {
    std::visit(Process{segments, add_special_tokens}, processor);
  }
  if (segments.size() == 1) return std::move(segments.front());
  std::vector<Item> out;
  for (auto& segment : segments) out.insert(out.end(), segment.begin(), segment.end());
  return out;
}

}  // namespace cutaway::tokenizer
