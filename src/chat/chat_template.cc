#include <cutaway/chat.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "base/names.h"
#include "chat/chat_template_impl.h"
#include "chat/from_json.h"
#include "chat/interpreter.h"
#include "chat/parser.h"
#include "io/json.h"
#include "io/utf8.h"

namespace cutaway {
namespace {

constexpr const char* kMessages = "messages";

// What a template says, fit for a message of one line.
std::string one_line(std::string_view text) {
  constexpr std::size_t kMost = 1000;
  std::string out;
  while (!text.empty() && out.size() < kMost) {
    const std::size_t n = std::max<std::size_t>(io::utf8_length(text), 1);
    out += io::printable(text.substr(0, n));
    text.remove_prefix(n);
  }
  return text.empty() ? out : out + "...";
}

// The public error of a failure inside the engine.
[[noreturn]] void rethrow(const chat::Failure& failure, const std::string& origin, int line) {
  const std::string what = one_line(failure.what());
  switch (failure.kind()) {
    case chat::Failure::Kind::kRaised:
      throw ArgumentError(kMessages, fmt::format("the chat template refused them: {} ({}, line {})",
                                                 what, origin, line));
    case chat::Failure::Kind::kUnsupported:
      throw UnsupportedError(
          origin, fmt::format("line {}: {}, which this version does not handle", line, what));
    case chat::Failure::Kind::kTemplate:
    case chat::Failure::Kind::kLimit:
      break;
  }
  throw FormatError(origin, fmt::format("line {}: {}", line, what));
}

std::int64_t now_seconds(const ChatOptions& options) {
  const auto now = options.now.value_or(
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  return now.time_since_epoch().count();
}

chat::Value given_json(chat::Budget& budget, const std::string& text, const char* what) {
  return chat::from_json(budget, io::Json::parse(text, what));
}

const ChatTemplate::Impl::Variant& choose(const ChatTemplate::Impl& t, std::string_view name,
                                          bool has_tools) {
  const auto find = [&](std::string_view wanted) {
    return std::ranges::find(t.variants, wanted, &ChatTemplate::Impl::Variant::name);
  };
  auto at = t.variants.end();
  if (!name.empty()) {
    at = find(name);
  } else {
    if (has_tools) at = find("tool_use");
    if (at == t.variants.end()) at = find("default");
    name = "default";
  }
  if (at != t.variants.end()) return *at;
  std::vector<std::string> known;
  for (const auto& variant : t.variants) known.push_back(variant.name);
  throw UnknownNameError(std::string(name),
                         fmt::format("{} has no chat template of this name, expected one of {}",
                                     t.origin, fmt::join(known, ", ")),
                         known);
}

// `messages` makes the list of messages out of the budget of the run.
template <typename Messages>
std::string render_with(const ChatTemplate::Impl& t, const ChatOptions& options,
                        const Messages& messages) {
  chat::Interpreter in(chat::Budget(options.max_steps, options.max_bytes), options.max_output,
                       now_seconds(options));
  try {
    chat::Budget& budget = in.budget();
    const auto optional_json = [&](const std::string& text, const char* what) {
      return text.empty() ? chat::Value(chat::None{}) : given_json(budget, text, what);
    };
    const chat::Value tools = optional_json(options.tools_json, "tools");
    for (const auto& [name, text] : t.special_tokens) in.define(name, in.text(text));
    in.define("messages", messages(budget));
    in.define("tools", tools);
    in.define("documents", optional_json(options.documents_json, "documents"));
    in.define("add_generation_prompt", options.add_generation_prompt);
    if (!options.variables_json.empty()) {
      const io::Json variables = io::Json::parse(options.variables_json, "variables");
      for (const auto& [name, value] : variables.members()) {
        in.define(name, chat::from_json(budget, value));
      }
    }
    return in.render(*choose(t, options.name, !tools.is_none()).block);
  } catch (const chat::Failure& failure) {
    rethrow(failure, t.origin, in.line());
  } catch (const FormatError& error) {
    // JSON that the caller gave, which no file is to blame for.
    throw ArgumentError(error.subject(), error.detail());
  }
}

void require_utf8(const std::string& text, std::size_t i, const char* what) {
  if (io::is_utf8(text)) return;
  throw ArgumentError(kMessages, fmt::format("the {} of message {} is not UTF-8", what, i));
}

}  // namespace

void ChatTemplate::Impl::add(std::string name, std::string source) {
  if (!io::is_utf8(source)) throw FormatError(origin, "the chat template is not UTF-8");
  try {
    auto block = std::make_shared<const chat::Block>(chat::parse_template(source));
    variants.push_back({std::move(name), std::move(source), std::move(block)});
  } catch (const chat::SyntaxError& error) {
    rethrow(error, origin, error.line());
  }
}

ChatTemplate::ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

ChatTemplate ChatTemplate::parse(std::string source, const std::string& origin) {
  auto impl = std::make_shared<Impl>();
  impl->origin = origin;
  impl->add("default", std::move(source));
  return ChatTemplate(std::move(impl));
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages,
                                 const ChatOptions& options) const {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    require_utf8(messages[i].role, i, "role");
    require_utf8(messages[i].content, i, "content");
  }
  return render_with(*impl_, options, [&](chat::Budget& budget) {
    std::vector<chat::Value> list;
    for (const ChatMessage& message : messages) {
      chat::DictBuilder dict(budget);
      dict.set(chat::make_string(budget, "role"), chat::make_string(budget, message.role));
      dict.set(chat::make_string(budget, "content"), chat::make_string(budget, message.content));
      list.push_back(dict.take());
    }
    return chat::make_list(budget, std::move(list));
  });
}

std::string ChatTemplate::render_json(std::string_view messages_json,
                                      const ChatOptions& options) const {
  return render_with(*impl_, options, [&](chat::Budget& budget) {
    return chat::messages_from_json(budget, io::Json::parse(messages_json, kMessages));
  });
}

const std::vector<std::pair<std::string, std::string>>& ChatTemplate::special_tokens()
    const noexcept {
  return impl_->special_tokens;
}

ChatTemplate ChatTemplate::with_special_token(std::string name, std::string text) const {
  auto changed = std::make_shared<Impl>(*impl_);
  const auto at =
      std::ranges::find(changed->special_tokens, name, &std::pair<std::string, std::string>::first);
  if (at != changed->special_tokens.end()) {
    at->second = std::move(text);
  } else {
    changed->special_tokens.emplace_back(std::move(name), std::move(text));
  }
  return ChatTemplate(std::move(changed));
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> out;
  for (const auto& variant : impl_->variants) out.push_back(variant.name);
  return out;
}

const std::string& ChatTemplate::source(std::string_view name) const {
  return choose(*impl_, name, false).source;
}

}  // namespace cutaway
