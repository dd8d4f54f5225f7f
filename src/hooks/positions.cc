#include <cutaway/error.h>
#include <cutaway/hooks.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cutaway {
namespace {

std::int64_t parse_int(std::string_view text, std::string_view whole) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    throw ArgumentError("pos", fmt::format("'{}', expected N, A:B, N,N,... or all", whole));
  }
  return value;
}

std::optional<std::int64_t> parse_bound(std::string_view text, std::string_view whole) {
  if (text.empty()) return std::nullopt;
  return parse_int(text, whole);
}

std::size_t clip(std::optional<std::int64_t> bound, std::int64_t length, std::int64_t otherwise) {
  std::int64_t value = bound.value_or(otherwise);
  if (value < 0) value += length;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(value, 0, length));
}

}  // namespace

Positions::Positions(std::initializer_list<std::int64_t> list)
    : Positions(std::vector<std::int64_t>(list)) {}

Positions::Positions(std::vector<std::int64_t> list) : kind_(Kind::kList), list_(std::move(list)) {
  if (list_.empty()) throw ArgumentError("pos", "an empty list, expected at least one position");
}

Positions Positions::range(std::optional<std::int64_t> begin, std::optional<std::int64_t> end) {
  Positions p;
  p.kind_ = Kind::kRange;
  p.begin_ = begin;
  p.end_ = end;
  return p;
}

Positions Positions::parse(std::string_view text) {
  if (text == "all") return all();
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    return range(parse_bound(text.substr(0, colon), text),
                 parse_bound(text.substr(colon + 1), text));
  }
  std::vector<std::int64_t> list;
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    list.push_back(parse_int(rest.substr(0, comma), text));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return Positions(std::move(list));
}

std::vector<std::size_t> Positions::resolve(std::size_t length, std::string_view what) const {
  const auto n = static_cast<std::int64_t>(length);
  std::vector<std::size_t> out;
  switch (kind_) {
    case Kind::kAll:
      for (std::size_t i = 0; i < length; ++i) out.push_back(i);
      break;
    case Kind::kRange:
      for (std::size_t i = clip(begin_, n, 0), end = clip(end_, n, n); i < end; ++i)
        out.push_back(i);
      if (out.empty()) {
        throw ArgumentError(what, fmt::format("{} selects nothing in a sequence of {} tokens",
                                              to_string(), length));
      }
      break;
    case Kind::kList:
      for (std::int64_t p : list_) {
        if (p < -n || p >= n) {
          throw ArgumentError(
              what, fmt::format("position {} in a sequence of {} tokens, expected {} to {}", p,
                                length, -n, n - 1));
        }
        out.push_back(static_cast<std::size_t>(p < 0 ? p + n : p));
      }
      break;
  }
  return out;
}

std::vector<std::size_t> Positions::resolve_present(std::size_t length) const {
  const auto n = static_cast<std::int64_t>(length);
  std::vector<std::size_t> out;
  if (kind_ == Kind::kList) {
    for (std::int64_t p : list_) {
      if (p >= -n && p < n) out.push_back(static_cast<std::size_t>(p < 0 ? p + n : p));
    }
    return out;
  }
  const std::size_t begin = kind_ == Kind::kAll ? 0 : clip(begin_, n, 0);
  const std::size_t end = kind_ == Kind::kAll ? length : clip(end_, n, n);
  for (std::size_t i = begin; i < end; ++i) out.push_back(i);
  return out;
}

std::string Positions::to_string() const {
  switch (kind_) {
    case Kind::kAll:
      return "all";
    case Kind::kList:
      return fmt::format("{}", fmt::join(list_, ","));
    case Kind::kRange:
      return fmt::format("{}:{}", begin_ ? fmt::to_string(*begin_) : "",
                         end_ ? fmt::to_string(*end_) : "");
  }
  return "";
}

}  // namespace cutaway
