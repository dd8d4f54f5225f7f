#include "text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <utf8proc.h>

namespace cutaway::cli {
namespace {

struct Character {
  utf8proc_int32_t code;  // -1: not UTF-8
  std::size_t size;
};

Character next_character(std::string_view text) {
  utf8proc_int32_t code = -1;
  const auto n =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &code);
  if (n <= 0) return {-1, 1};
  return {code, static_cast<std::size_t>(n)};
}

bool is_hidden(utf8proc_int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

std::size_t width_of(utf8proc_int32_t code) {
  return code < 0 ? 1 : static_cast<std::size_t>(std::max(0, utf8proc_charwidth(code)));
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = next_character(text);
    if (c.code < 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (is_hidden(c.code)) {
      out += fmt::format("\\u{{{:x}}}", c.code);
    } else {
      out += text.substr(0, c.size);
    }
    text.remove_prefix(c.size);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character c = next_character(text);
    width += width_of(c.code);
    text.remove_prefix(c.size);
  }
  return width;
}

std::string fit(std::string_view text, std::size_t width, bool align_right) {
  std::size_t have = display_width(text);
  std::string out;
  if (have <= width) {
    out = text;
  } else {
    have = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const Character c = next_character(rest);
      if (have + width_of(c.code) + 1 > width) break;
      have += width_of(c.code);
      out += rest.substr(0, c.size);
      rest.remove_prefix(c.size);
    }
    out += "…";
    ++have;
  }
  const std::string padding(width - std::min(have, width), ' ');
  return align_right ? padding + out : out + padding;
}

std::string format_probability(double p) {
  const double percent = p * 100;
  if (std::isnan(percent)) return "nan";
  if (percent >= 1) return fmt::format("{:.1f}%", percent);
  if (percent >= 0.01) return fmt::format("{:.3f}%", percent);
  const std::string scientific = fmt::format("{:.1e}", percent);  // "1.2e-04"
  const auto e = scientific.find('e');
  return fmt::format("{}e{}%", scientific.substr(0, e), std::stoi(scientific.substr(e + 1)));
}

std::size_t unfinished_utf8(std::string_view text) noexcept {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t need = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return need > back ? back : 0;
  }
  return 0;
}

}  // namespace cutaway::cli
