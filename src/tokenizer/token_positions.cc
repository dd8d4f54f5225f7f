#include <cutaway/token_positions.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <cutaway/error.h>

namespace cutaway {
namespace {

const std::vector<TextRange>& ranges_of(const Encoding& encoding, TextUnit unit) {
  return unit == TextUnit::kChars ? encoding.chars : encoding.bytes;
}

bool overlaps(const TextRange& token, const TextRange& range) {
  return token.end > range.begin && token.begin < range.end;
}

void require_forward(const TextRange& range, const std::string& subject) {
  if (range.begin <= range.end) return;
  throw ArgumentError(subject,
                      fmt::format("the range {}:{} ends before it begins", range.begin, range.end));
}

std::size_t distance(std::size_t a, std::size_t b) { return a < b ? b - a : a - b; }

}  // namespace

std::optional<std::size_t> char_to_token(const Encoding& encoding, std::size_t position,
                                         TextUnit unit) {
  const auto& ranges = ranges_of(encoding, unit);
  const auto at = std::ranges::find_if(
      ranges, [position](const TextRange& r) { return r.begin <= position && position < r.end; });
  if (at == ranges.end()) return std::nullopt;
  return static_cast<std::size_t>(at - ranges.begin());
}

std::optional<std::size_t> char_to_token_fuzzy(const Encoding& encoding, std::size_t position,
                                               TextUnit unit) {
  if (const auto exact = char_to_token(encoding, position, unit)) return exact;
  const auto& ranges = ranges_of(encoding, unit);
  std::optional<std::size_t> best;
  std::size_t best_distance = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (encoding.special[i]) continue;
    const std::size_t middle = ranges[i].begin + (ranges[i].end - ranges[i].begin) / 2;
    const std::size_t d = distance(middle, position);
    if (best && d >= best_distance) continue;
    best = i;
    best_distance = d;
  }
  return best;
}

std::optional<std::size_t> char_to_token_start(const Encoding& encoding, std::size_t position,
                                               TextUnit unit) {
  const auto& ranges = ranges_of(encoding, unit);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (!encoding.special[i] && ranges[i].begin >= position) return i;
  }
  return std::nullopt;
}

std::vector<std::size_t> char_range_to_tokens(const Encoding& encoding, TextRange range,
                                              TextUnit unit) {
  require_forward(range, "range");
  const auto& ranges = ranges_of(encoding, unit);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (overlaps(ranges[i], range)) out.push_back(i);
  }
  return out;
}

TextRange token_to_char_range(const Encoding& encoding, std::size_t token, TextUnit unit) {
  const auto& ranges = ranges_of(encoding, unit);
  if (token >= ranges.size()) {
    throw ArgumentError("token", fmt::format("{} of {} tokens", token, ranges.size()));
  }
  return ranges[token];
}

std::vector<std::string> label_spans(const Encoding& encoding, std::span<const NamedSpan> spans,
                                     TextUnit unit) {
  for (const NamedSpan& span : spans) require_forward(span.range, span.name);
  const auto& ranges = ranges_of(encoding, unit);
  std::vector<std::string> labels(ranges.size(), "other");
  std::map<std::string, std::size_t> last;  // the last token of each name
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].begin == ranges[i].end) continue;
    const auto span = std::ranges::find_if(
        spans, [&](const NamedSpan& s) { return overlaps(ranges[i], s.range); });
    if (span == spans.end()) continue;
    labels[i] = span->name;
    last[span->name] = i;
  }
  for (const auto& [name, i] : last) labels[i] += "_final";
  return labels;
}

std::vector<PositionMatch> convert_positions(const Encoding& encoding,
                                             std::span<const std::size_t> positions,
                                             TextUnit unit) {
  std::vector<PositionMatch> out;
  for (const std::size_t position : positions) {
    PositionMatch& match = out.emplace_back();
    match.position = position;
    match.is_exact = char_to_token(encoding, position, unit).has_value();
    match.token = char_to_token_fuzzy(encoding, position, unit);
    if (match.token) match.piece = encoding.pieces[*match.token];
  }
  return out;
}

}  // namespace cutaway
