#include "edit_spec.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <cutaway/error.h>
#include <cutaway/save.h>

#include "base/names.h"

namespace cutaway::cli {
namespace {

constexpr std::string_view kOption = "--edit";
constexpr std::string_view kOperations = "add, replace, zero, scale, mean or knockout";
constexpr std::array kKinds = {EditKind::kAdd,   EditKind::kReplace, EditKind::kZero,
                               EditKind::kScale, EditKind::kMean,    EditKind::kKnockout};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// A cursor over the text that knows its column, for errors.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::size_t column() const { return at_ + 1; }
  void advance() { ++at_; }
  void skip_spaces() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }
  // Up to a space or one of `stops`; quotes protect both.
  std::string_view word(std::string_view stops) {
    const std::size_t begin = at_;
    char quote = '\0';
    for (; !at_end(); ++at_) {
      const char c = text_[at_];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"') {
        quote = c;
      } else if (is_space(c) || stops.find(c) != std::string_view::npos) {
        break;
      }
    }
    if (quote != '\0') fail(begin + 1, "an open quote", "a closing \"");
    return text_.substr(begin, at_ - begin);
  }
  std::string_view rest() {
    skip_spaces();
    std::string_view out = text_.substr(at_);
    while (!out.empty() && is_space(out.back())) out.remove_suffix(1);
    return out;
  }
  [[noreturn]] void fail(std::size_t column, std::string_view found,
                         std::string_view expected) const {
    throw ArgumentError(
        kOption, fmt::format("'{}', column {}: {}, expected {}", text_, column, found, expected));
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string quoted(std::string_view text) {
  return text.empty() ? "nothing" : fmt::format("'{}'", text);
}

std::string read_hook(Reader& in) {
  in.skip_spaces();
  const std::size_t column = in.column();
  const std::string hook(in.word("@#"));
  if (hook.empty()) {
    in.fail(column, in.at_end() ? "nothing" : fmt::format("'{}'", in.peek()),
            "a hook such as blocks.3.hook_resid_post");
  }
  if (!is_glob(hook)) HookPoint::parse(hook);
  return hook;
}

std::string_view read_positions(Reader& in) {
  in.advance();
  const std::string_view text = in.word("#");
  if (text.empty())
    in.fail(in.column(), "no position after '@'", "N, A:B, all or subject:\"words\"");
  return text;
}

int read_head(Reader& in) {
  in.advance();
  const std::size_t column = in.column();
  const std::string_view text = in.word("@#");
  int head = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), head);
  if (error != std::errc() || end != text.data() + text.size() || head < 0) {
    in.fail(column, quoted(text), "a head number after '#'");
  }
  return head;
}

EditKind read_operation(Reader& in) {
  in.skip_spaces();
  const std::size_t column = in.column();
  const std::string_view word = in.word("");
  std::vector<std::string> names;
  for (EditKind kind : kKinds) {
    if (edit_kind_name(kind) == word) return kind;
    names.emplace_back(edit_kind_name(kind));
  }
  in.fail(column, quoted(word) + did_you_mean(nearest_names(word, names)), kOperations);
}

std::optional<float> to_float(std::string_view text) {
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

void read_value(Reader& in, EditSpec& spec) {
  const std::string_view value = in.rest();
  const std::size_t column = in.column();
  switch (spec.kind) {
    case EditKind::kZero:
    case EditKind::kKnockout:
      if (!value.empty()) {
        in.fail(column, quoted(value), fmt::format("nothing after {}", edit_kind_name(spec.kind)));
      }
      return;
    case EditKind::kScale:
      if (const auto factor = to_float(value)) {
        spec.factor = *factor;
        return;
      }
      in.fail(column, quoted(value), "a finite number after scale");
    default:
      break;
  }
  if (value.empty()) {
    in.fail(column, "nothing",
            fmt::format("a file after {}: FILE.npy, FILE.npz:NAME or FILE.safetensors:NAME",
                        edit_kind_name(spec.kind)));
  }
  spec.file = value;
  if (spec.kind != EditKind::kAdd) return;
  if (const auto star = value.rfind('*'); star != std::string_view::npos) {
    const auto factor = to_float(value.substr(star + 1));
    if (!factor) {
      in.fail(column + star + 1, quoted(value.substr(star + 1)), "a finite factor after '*'");
    }
    spec.factor = *factor;
    spec.file = value.substr(0, star);
  }
}

// A knockout names edges: exactly a query and a key, so a comma separates the two and is no list.
void split_edge(const Reader& in, std::size_t column, std::optional<std::string_view> text,
                EditSpec& spec) {
  constexpr std::string_view kExpected = "QUERY,KEY as in @5,2 or @-1,all";
  if (!text) in.fail(column, "no positions", kExpected);
  std::vector<std::string_view> items(1);
  std::size_t begin = 0;
  bool in_quotes = false;
  for (std::size_t i = 0; i <= text->size(); ++i) {
    if (i < text->size() && (*text)[i] == '"') in_quotes = !in_quotes;
    if (i < text->size() && ((*text)[i] != ',' || in_quotes)) continue;
    items.back() = text->substr(begin, i - begin);
    begin = i + 1;
    if (i < text->size()) items.emplace_back();
  }
  if (items.size() != 2) {
    in.fail(column, fmt::format("{} position{}", items.size(), items.size() == 1 ? "" : "s"),
            kExpected);
  }
  spec.pos = parse_positions(fmt::format("{} query", kOption), items[0]);
  spec.key = parse_positions(fmt::format("{} key", kOption), items[1]);
}

}  // namespace

EditSpec parse_edit(std::string_view text) {
  Reader in(text);
  EditSpec spec;
  spec.text = text;
  spec.hook = read_hook(in);
  std::optional<std::string_view> positions;
  std::size_t positions_column = in.column();
  while (in.peek() == '@' || in.peek() == '#') {
    if (in.peek() == '@') {
      if (positions) in.fail(in.column(), "a second '@'", "one list of positions");
      positions_column = in.column() + 1;
      positions = read_positions(in);
    } else {
      if (spec.head) in.fail(in.column(), "a second '#'", "one head");
      spec.head = read_head(in);
    }
  }
  spec.kind = read_operation(in);
  read_value(in, spec);
  const bool is_router = spec.hook.ends_with(site_info(Site::kRouterLogits).suffix);
  if (spec.kind == EditKind::kKnockout && !is_router) {
    if (!is_glob(spec.hook) && HookPoint::parse(spec.hook).site() != Site::kAttnScores) {
      in.fail(1, fmt::format("knockout at '{}'", spec.hook),
              "the hook attn.hook_attn_scores or mlp.hook_router_logits of a block");
    }
    split_edge(in, positions_column, positions, spec);
  } else if (positions) {
    spec.pos = parse_positions(kOption, *positions);
  }
  return spec;
}

std::vector<EditSpec> parse_edits(std::span<const std::string> texts) {
  std::vector<EditSpec> specs;
  for (const std::string& text : texts) specs.push_back(parse_edit(text));
  return specs;
}

HookSpec make_edits(std::span<const EditSpec> specs, std::span<const Prompt> prompts) {
  HookSpec hooks;
  for (const EditSpec& spec : specs) {
    Edit edit{.kind = spec.kind,
              .where = spec.hook,
              .pos = resolve(spec.pos, prompts, kOption),
              .key = resolve(spec.key, prompts, kOption),
              .head = spec.head,
              .factor = spec.factor};
    if (!spec.file.empty()) edit.value = std::make_shared<const Tensor>(load_tensor(spec.file));
    hooks.edit(std::move(edit));
  }
  return hooks;
}

}  // namespace cutaway::cli
