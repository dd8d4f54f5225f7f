#include "chat/text.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <utf8proc.h>

namespace cutaway::chat {
namespace {

std::string_view character_at(std::string_view text, std::size_t pos) {
  return text.substr(pos, character_length(text.substr(pos)));
}

std::size_t character_before(std::string_view text, std::size_t pos) {
  do {
    --pos;
  } while (pos > 0 && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80);
  return pos;
}

bool is_stripped(std::string_view character, const std::optional<std::string>& chars) {
  if (!chars) return is_space(code_point(character));
  return find_text(*chars, character) != std::string_view::npos;
}

}  // namespace

std::size_t count_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

char32_t code_point(std::string_view character) noexcept {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(character[i]));
  };
  switch (character_length(character)) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 |
             (byte(3) & 0x3F);
  }
}

void append_code_point(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::size_t offset_of(std::string_view text, std::size_t index) noexcept {
  std::size_t pos = 0;
  while (index > 0 && pos < text.size()) {
    pos += character_length(text.substr(pos));
    --index;
  }
  return pos;
}

// std::string::find is quadratic on hostile texts; memmem is not.
std::size_t find_text(std::string_view text, std::string_view part, std::size_t from) noexcept {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t find_last_text(std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return std::string_view::npos;
  const std::string backwards(text.rbegin(), text.rend());
  const std::string wanted(part.rbegin(), part.rend());
  const std::size_t found = find_text(backwards, wanted);
  return found == std::string_view::npos ? found : text.size() - found - part.size();
}

bool is_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

namespace {
utf8proc_category_t category(char32_t c) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}
}  // namespace

bool is_printable(char32_t c) noexcept {
  if (c == ' ') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_upper(char32_t c) noexcept { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t c) noexcept {
  return category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA;
}
bool is_cased(char32_t c) noexcept {
  return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_alpha(char32_t c) noexcept {
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
bool is_decimal(char32_t c) noexcept { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_alnum(char32_t c) noexcept {
  const auto k = category(c);
  return is_alpha(c) || (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

std::string_view strip_left(std::string_view text, const std::optional<std::string>& chars) {
  while (!text.empty()) {
    const std::string_view c = character_at(text, 0);
    if (!is_stripped(c, chars)) break;
    text.remove_prefix(c.size());
  }
  return text;
}

std::string_view strip_right(std::string_view text, const std::optional<std::string>& chars) {
  while (!text.empty()) {
    const std::size_t at = character_before(text, text.size());
    if (!is_stripped(text.substr(at), chars)) break;
    text.remove_suffix(text.size() - at);
  }
  return text;
}

std::vector<std::string> split(std::string_view text, const std::optional<std::string>& separator,
                               std::int64_t most) {
  std::vector<std::string> out;
  if (separator) {
    std::size_t from = 0;
    for (;;) {
      const std::size_t at = most == 0 ? std::string_view::npos : find_text(text, *separator, from);
      out.emplace_back(text.substr(from, at == std::string_view::npos ? at : at - from));
      if (at == std::string_view::npos) return out;
      from = at + separator->size();
      --most;
    }
  }
  text = strip_left(text, {});
  while (!text.empty()) {
    if (most == 0) {
      out.emplace_back(text);
      break;
    }
    std::size_t end = 0;
    while (end < text.size() && !is_space(code_point(character_at(text, end)))) {
      end += character_length(text.substr(end));
    }
    out.emplace_back(text.substr(0, end));
    text = strip_left(text.substr(end), {});
    --most;
  }
  return out;
}

std::vector<std::string> split_from_right(std::string_view text,
                                          const std::optional<std::string>& separator,
                                          std::int64_t most) {
  std::vector<std::string> out;
  if (separator) {
    // Backwards, so that overlapping separators are cut from the right as Python does.
    const std::string backwards(text.rbegin(), text.rend());
    const std::string wanted(separator->rbegin(), separator->rend());
    for (std::string& part : split(backwards, wanted, most)) {
      out.emplace_back(part.rbegin(), part.rend());
    }
    std::ranges::reverse(out);
    return out;
  }
  text = strip_right(text, {});
  while (!text.empty()) {
    if (most == 0) {
      out.emplace_back(text);
      break;
    }
    std::size_t begin = text.size();
    while (begin > 0) {
      const std::size_t before = character_before(text, begin);
      if (is_space(code_point(character_at(text, before)))) break;
      begin = before;
    }
    out.emplace_back(text.substr(begin));
    text = strip_right(text.substr(0, begin), {});
    --most;
  }
  std::ranges::reverse(out);
  return out;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    const std::string_view character = character_at(text, pos);
    const char32_t c = code_point(character);
    std::size_t end = pos + character.size();
    const bool is_break = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                          c == 0x2028 || c == 0x2029;
    if (is_break) {
      if (c == '\r' && end < text.size() && text[end] == '\n') ++end;
      out.emplace_back(text.substr(start, (keep_ends ? end : pos) - start));
      start = end;
    }
    pos = end;
  }
  if (start < text.size()) out.emplace_back(text.substr(start));
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace cutaway::chat
