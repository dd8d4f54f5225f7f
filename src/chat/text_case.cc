// Upper, lower and title case as Python's str has them.
#include "chat/text.h"

#include <algorithm>
#include <iterator>

#include <utf8proc.h>

#include "chat/special_casing.h"

namespace cutaway::chat {
namespace {

const SpecialCase* special(char32_t c) {
  const auto* at = std::ranges::lower_bound(kSpecialCases, c, {}, &SpecialCase::character);
  return at != std::end(kSpecialCases) && at->character == c ? at : nullptr;
}

void append_upper(std::string& out, char32_t c) {
  if (const SpecialCase* s = special(c)) {
    out += s->upper;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_toupper(static_cast<int>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (const SpecialCase* s = special(c)) {
    out += s->title;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_totitle(static_cast<int>(c))));
  }
}

// Characters that do not end a word for the rule of the final sigma.
bool is_case_ignorable(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2019;
  }
}

struct Characters {
  explicit Characters(std::string_view text) {
    while (!text.empty()) {
      const std::size_t n = character_length(text);
      points.push_back(code_point(text.substr(0, n)));
      text.remove_prefix(n);
    }
  }
  std::vector<char32_t> points;

  // A capital sigma after a cased letter and not before one is the final form.
  bool is_final_sigma(std::size_t i) const {
    std::size_t before = i;
    while (before > 0 && is_case_ignorable(points[before - 1])) --before;
    if (before == 0 || !is_cased(points[before - 1])) return false;
    std::size_t after = i + 1;
    while (after < points.size() && is_case_ignorable(points[after])) ++after;
    return after == points.size() || !is_cased(points[after]);
  }

  void append_lower(std::string& out, std::size_t i) const {
    const char32_t c = points[i];
    if (c == 0x130) {
      out += "i\xCC\x87";  // the only one that becomes two
    } else if (c == 0x3A3) {
      append_code_point(out, is_final_sigma(i) ? 0x3C2 : 0x3C3);
    } else {
      append_code_point(out, static_cast<char32_t>(utf8proc_tolower(static_cast<int>(c))));
    }
  }
};

}  // namespace

std::string to_upper(std::string_view text) {
  std::string out;
  for (const char32_t c : Characters(text).points) append_upper(out, c);
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  const Characters all(text);
  for (std::size_t i = 0; i < all.points.size(); ++i) all.append_lower(out, i);
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  const Characters all(text);
  bool after_cased = false;
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    if (after_cased) {
      all.append_lower(out, i);
    } else {
      append_title(out, all.points[i]);
    }
    after_cased = is_cased(all.points[i]);
  }
  return out;
}

std::string to_capital(std::string_view text) {
  std::string out;
  const Characters all(text);
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    if (i == 0) {
      append_title(out, all.points[i]);
    } else {
      all.append_lower(out, i);
    }
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  const Characters all(text);
  for (std::size_t i = 0; i < all.points.size(); ++i) {
    if (is_upper(all.points[i])) {
      all.append_lower(out, i);
    } else if (is_lower(all.points[i])) {
      append_upper(out, all.points[i]);
    } else {
      append_code_point(out, all.points[i]);
    }
  }
  return out;
}

}  // namespace cutaway::chat
