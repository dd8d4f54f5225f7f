#include "position_spec.h"

#include <fmt/format.h>

#include <cutaway/error.h>

namespace cutaway::cli {
namespace {

constexpr std::string_view kSubject = "subject:";

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::int64_t last_token(const Subject& subject, const Prompt& prompt, std::string_view name) {
  if (!prompt.text) {
    throw ArgumentError(name, "a subject needs the prompt as text, expected -p or --prompt-file");
  }
  const auto at = prompt.text->find(subject.words);
  if (at == std::string::npos) {
    throw ArgumentError(
        name, fmt::format("subject '{}' is not in the prompt '{}'", subject.words, *prompt.text));
  }
  // A token may end past the words ("Tower," in one token), so: the last one that begins before the
  // end of the words and reaches into them.
  const std::size_t end = at + subject.words.size();
  const Encoding& encoding = prompt.encoding;
  for (std::size_t i = encoding.ids.size(); i-- > 0;) {
    const TextRange range = encoding.bytes[i];
    if (!encoding.special[i] && range.begin < end && range.end > at) {
      return static_cast<std::int64_t>(i);
    }
  }
  throw ArgumentError(name,
                      fmt::format("no token of the prompt covers subject '{}'", subject.words));
}

}  // namespace

PositionSpec parse_positions(std::string_view name, std::string_view text) {
  if (text.substr(0, kSubject.size()) == kSubject) {
    const std::string_view words = unquoted(text.substr(kSubject.size()));
    if (words.empty()) {
      throw ArgumentError(name, "an empty subject, expected words of the prompt");
    }
    return Subject{std::string(words)};
  }
  try {
    return Positions::parse(text);
  } catch (const ArgumentError&) {
    throw ArgumentError(
        name, fmt::format("'{}', expected N, A:B, N,N,..., all or subject:\"words\"", text));
  }
}

Positions resolve(const PositionSpec& spec, const Prompt& prompt, std::string_view name) {
  if (const auto* positions = std::get_if<Positions>(&spec)) return *positions;
  return Positions({last_token(std::get<Subject>(spec), prompt, name)});
}

Positions resolve(const PositionSpec& spec, std::span<const Prompt> prompts,
                  std::string_view name) {
  if (const auto* positions = std::get_if<Positions>(&spec)) return *positions;
  const Subject& subject = std::get<Subject>(spec);
  const std::int64_t first = last_token(subject, prompts.front(), name);
  for (const Prompt& prompt : prompts) {
    const std::int64_t here = last_token(subject, prompt, name);
    if (here != first) {
      throw ArgumentError(name, fmt::format("subject '{}' ends at token {} of one prompt and {} of "
                                            "another, expected the same; give one prompt a call",
                                            subject.words, first, here));
    }
  }
  return Positions({first});
}

std::vector<int> parse_layers(std::string_view text, int n_layers) {
  std::vector<int> layers;
  try {
    const Positions range = Positions::parse(text);
    for (std::size_t layer : range.resolve(static_cast<std::size_t>(n_layers), "--layers")) {
      layers.push_back(static_cast<int>(layer));
    }
  } catch (const ArgumentError&) {
    throw ArgumentError(
        "--layers", fmt::format("'{}', expected N, A:B, N,N,... or all, in layers 0 to {}", text,
                                n_layers - 1));
  }
  return layers;
}

}  // namespace cutaway::cli
