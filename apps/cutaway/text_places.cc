#include "text_places.h"

#include <fmt/format.h>

#include <cutaway/error.h>

#include "numbers.h"

namespace cutaway::cli {

std::vector<std::string> span_labels(const std::vector<std::string>& spans, const Prompt& prompt) {
  std::vector<NamedSpan> named;
  for (const std::string& span : spans) {
    const std::size_t equals = span.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == span.size()) {
      throw ArgumentError("--span", fmt::format("'{}', expected NAME=TEXT", span));
    }
    const std::string text = span.substr(equals + 1);
    const std::size_t begin = prompt.text->find(text);
    if (begin == std::string::npos) {
      throw ArgumentError("--span",
                          fmt::format("'{}' is not in the prompt '{}'", text, *prompt.text));
    }
    named.push_back({span.substr(0, equals), {begin, begin + text.size()}});
  }
  if (named.empty()) return {};
  return label_spans(prompt.encoding, named, TextUnit::kBytes);
}

std::vector<PositionMatch> char_matches(const std::vector<std::string>& chars,
                                        const Prompt& prompt) {
  std::vector<std::size_t> positions;
  for (const std::string& text : chars) {
    positions.push_back(static_cast<std::size_t>(parse_int("--char", text, 0)));
  }
  return convert_positions(prompt.encoding, positions);
}

void require_text(const TokensOptions& options, const std::vector<Prompt>& prompts) {
  for (const Prompt& prompt : prompts) {
    if (prompt.text) continue;
    if (!options.spans.empty()) throw ArgumentError("--span", "given with ids, expected text");
    if (!options.chars.empty()) throw ArgumentError("--char", "given with ids, expected text");
  }
}

}  // namespace cutaway::cli
