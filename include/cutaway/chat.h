// A conversation to the text that a model was trained on: its chat template.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cutaway {

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant" ...
  std::string content;
};

struct ChatOptions {
  /// End with the start of the assistant's answer, so that the model continues with it.
  bool add_generation_prompt = true;
  /// A JSON array of function schemas, and one of documents; empty: none.
  std::string tools_json = {};
  std::string documents_json = {};
  /// A JSON object of more variables, for example {"enable_thinking": false}. They win over
  /// everything else, the special tokens included.
  std::string variables_json = {};
  /// Which of the checkpoint's named templates; empty: "tool_use" if there are tools and it has
  /// one, else "default" (as transformers chooses).
  std::string name = {};
  /// What strftime_now shows; absent: the clock, in UTC. Fix it for the same text tomorrow.
  std::optional<std::chrono::sys_seconds> now = std::nullopt;
  /// A template is somebody's program: more than this ends it with a FormatError. `max_bytes` is
  /// all that it makes on the way, freed or not.
  std::uint64_t max_steps = 20'000'000;
  std::uint64_t max_bytes = std::uint64_t{256} << 20;
  std::size_t max_output = std::size_t{64} << 20;
};

/// A chat template in Jinja, as Hugging Face checkpoints carry them, rendered by an engine of our
/// own: the same text as jinja2 in the sandbox that transformers sets up, with no access to
/// anything but its variables, and with limits. Immutable and cheap to copy; safe to use from
/// several threads.
class ChatTemplate {
 public:
  /// `origin` names the source in messages.
  /// throws FormatError with the line, UnsupportedError naming a statement, filter or test of
  /// jinja2 that the engine does not have (include, import, extends, block, recursive loops ...).
  static ChatTemplate parse(std::string source, const std::string& origin = "chat template");

  /// From a checkpoint: a folder (chat_template.jinja and additional_chat_templates/, else
  /// `chat_template` in tokenizer_config.json, else chat_template.json) or a `.gguf`
  /// (tokenizer.chat_template). Takes over the special tokens. nullopt if it has none.
  /// throws IoError, FormatError, UnsupportedError.
  static std::optional<ChatTemplate> load(const std::filesystem::path& path);

  /// throws ArgumentError if the template refuses the messages (raise_exception: roles that do not
  /// alternate ...) or a text is not UTF-8; FormatError if the template itself fails, with the
  /// line, or breaks a limit; UnsupportedError.
  std::string render(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const;
  /// Messages as a JSON array of objects, with whatever keys the template reads (tool_calls,
  /// content parts ...). As in transformers, members that are null are left out, and reasoning
  /// under any of its names (reasoning_content, thinking, reasoning) is there under the first two.
  std::string render_json(std::string_view messages_json, const ChatOptions& options = {}) const;

  /// The special tokens that the template sees: "bos_token", "eos_token" ... with their text.
  const std::vector<std::pair<std::string, std::string>>& special_tokens() const noexcept;
  /// The same template with one of them set or replaced.
  ChatTemplate with_special_token(std::string name, std::string text) const;

  /// "default" and the others, in the checkpoint's order.
  std::vector<std::string> names() const;
  /// throws UnknownNameError.
  const std::string& source(std::string_view name = "default") const;

  struct Impl;
  explicit ChatTemplate(std::shared_ptr<const Impl> impl);

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace cutaway
