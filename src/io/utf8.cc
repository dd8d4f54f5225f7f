#include "io/utf8.h"

#include <fmt/format.h>

namespace cutaway::io {

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 120;
  std::string out;
  while (!text.empty()) {
    if (out.size() >= kMost) return out + "...";
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = utf8_length(text);
    if (length == 0 || c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
      length = 1;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace cutaway::io
