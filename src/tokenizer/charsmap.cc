#include "tokenizer/charsmap.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/graphemes.h"
#include "tokenizer/normal_forms.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

std::uint32_t u32_at(std::string_view bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// The fields of a unit of the double array.
bool has_leaf(std::uint32_t unit) noexcept { return (unit >> 8 & 1) != 0; }
std::uint32_t value(std::uint32_t unit) noexcept { return unit & 0x7FFFFFFF; }
std::uint32_t label(std::uint32_t unit) noexcept { return unit & 0x800000FF; }
std::uint32_t offset(std::uint32_t unit) noexcept { return unit >> 10 << ((unit & 0x200) >> 6); }

int code_points(std::string_view text) noexcept {
  int count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

// The characters in waiting: what tokenizers would hand to its `transform` in one go.
class Transformation {
 public:
  Transformation(Stretch stretch, Pieces& out) : stretch_(stretch), out_(out) {}

  void keep(char32_t c) {
    changes_.push_back({c, 0});
    ++seen_;
    ++consumed_;
  }
  void replace(std::string_view old_part, std::string_view new_part) {
    const int old_count = code_points(old_part);
    int added = 0;
    for (std::size_t pos = 0; pos < new_part.size(); ++added) {
      const char32_t c = next_code_point(new_part, pos);
      changes_.push_back({c, 0});
    }
    consumed_ += added;
    seen_ += old_count;
    const int more = added - old_count;
    if (more > 0) {
      for (auto at = changes_.end() - more; at != changes_.end(); ++at) at->change = 1;
      consumed_ -= more;
    } else if (more < 0 && !changes_.empty()) {
      // A last character that was itself an addition becomes a replacement: the reference's quirk.
      int& change = changes_.back().change;
      const int before = change > 0 ? 0 : 1 - change;
      change += more;
      consumed_ += (change > 0 ? 0 : 1 - change) - before;
    }
  }
  /// Writes what waits if it stands for exactly the text up to `pos`. The caller keeps a character
  /// next, so that a deletion behind it has something to lean on.
  bool flush(std::size_t pos) {
    if (consumed_ != seen_) return false;
    append_transformed(changes_, stretch_.part(begin_, pos - begin_), out_);
    changes_.clear();
    begin_ = pos;
    return true;
  }
  void begin_at(std::size_t pos) { begin_ = pos; }
  void finish() {
    if (!changes_.empty()) append_transformed(changes_, stretch_.part(begin_), out_);
  }

 private:
  Stretch stretch_;
  Pieces& out_;
  std::size_t begin_ = 0;
  std::vector<Change> changes_;
  int seen_ = 0;
  int consumed_ = 0;
};

}  // namespace

CharsMap CharsMap::parse(std::string_view bytes, const std::string& origin) {
  const auto fail = [&](std::string detail) {
    throw FormatError(origin, "field 'precompiled_charsmap' " + detail);
  };
  if (bytes.size() < 4) fail(fmt::format("is {} bytes long, expected at least 4", bytes.size()));
  const std::size_t size = u32_at(bytes, 0);
  const std::size_t count = size / 4;
  if (count * 4 > bytes.size() - 4) {
    fail(
        fmt::format("says that its trie has {} bytes, but only {} follow", size, bytes.size() - 4));
  }
  if (count == 0) fail("has an empty trie");
  CharsMap map;
  map.origin_ = origin;
  map.units_.resize(count);
  for (std::size_t i = 0; i < count; ++i) map.units_[i] = u32_at(bytes, 4 + 4 * i);
  map.replacements_ = bytes.substr(4 + 4 * count);
  if (const auto bad = first_invalid_utf8(map.replacements_)) {
    fail(fmt::format("has replacements that are not UTF-8 at byte {}", 4 + 4 * count + *bad));
  }
  for (std::size_t c = 0; c < map.maps_ascii_.size(); ++c) {
    // A newline may belong to a longer cluster; an entry that breaks the map is reported on use.
    const auto lead = static_cast<std::uint32_t>(c);
    const std::uint64_t at = offset(map.units_[0]) ^ lead;
    map.maps_ascii_[c] = c == '\r' || c == '\n' || at >= count || label(map.units_[at]) == lead;
  }
  return map;
}

std::optional<std::string_view> CharsMap::find(std::string_view chunk) const {
  const auto unit_at = [&](std::uint32_t at) {
    if (at >= units_.size()) {
      throw FormatError(origin_,
                        fmt::format("field 'precompiled_charsmap' leads to unit {} of a trie "
                                    "of {}",
                                    at, units_.size()));
    }
    return units_[at];
  };
  std::uint32_t at = offset(units_[0]);
  for (const char byte : chunk) {
    const auto c = static_cast<std::uint32_t>(static_cast<unsigned char>(byte));
    if (c == 0) return std::nullopt;
    at ^= c;
    const std::uint32_t unit = unit_at(at);
    if (label(unit) != c) return std::nullopt;
    at ^= offset(unit);
    if (!has_leaf(unit)) continue;
    const std::size_t begin = value(unit_at(at));
    if (begin > replacements_.size() ||
        (begin < replacements_.size() && is_continuation(replacements_[begin]))) {
      throw FormatError(origin_,
                        fmt::format("field 'precompiled_charsmap' has a replacement at {}, "
                                    "outside or inside a character of {} bytes",
                                    begin, replacements_.size()));
    }
    const std::size_t end = std::min(replacements_.find('\0', begin), replacements_.size());
    if (end - begin > kLongestReplacement) {
      throw UnsupportedError(origin_,
                             fmt::format("field 'precompiled_charsmap' has a replacement of "
                                         "{} bytes, more than {} are not supported",
                                         end - begin, kLongestReplacement));
    }
    return std::string_view(replacements_).substr(begin, end - begin);
  }
  return std::nullopt;
}

void CharsMap::append_mapped(Stretch stretch, Pieces& out) const {
  const std::string_view text = stretch.text;
  Transformation changes(stretch, out);
  const auto plain = [&](std::size_t at) {
    const auto c = static_cast<unsigned char>(text[at]);
    return c < 0x80 && !maps_ascii_[c];
  };
  constexpr std::size_t kLongestMapped = 5;
  for (std::size_t pos = 0; pos < text.size();) {
    // ASCII that stays as it is, up to the last such character, which a mark may follow.
    std::size_t run = pos;
    while (run < text.size() && plain(run)) ++run;
    if (run < text.size() && run > pos) --run;
    if (run > pos && changes.flush(pos)) {
      out.append(stretch.part(pos, run - pos - 1));
      changes.begin_at(run - 1);
      changes.keep(static_cast<unsigned char>(text[run - 1]));
      pos = run;
      continue;
    }
    const std::size_t end = grapheme_end(text, pos);
    if (end - pos <= kLongestMapped) {
      if (const auto mapped = find(text.substr(pos, end - pos))) {
        changes.replace(text.substr(pos, end - pos), *mapped);
        pos = end;
        continue;
      }
    }
    while (pos < end) {
      std::size_t after = pos;
      const char32_t c = next_code_point(text, after);
      if (const auto mapped = find(text.substr(pos, after - pos))) {
        changes.replace(text.substr(pos, after - pos), *mapped);
      } else {
        changes.keep(c);
      }
      pos = after;
    }
  }
  changes.finish();
}

}  // namespace cutaway::tokenizer
