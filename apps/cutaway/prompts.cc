#include "prompts.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cutaway/error.h>

#include "numbers.h"
#include "terminal.h"

namespace cutaway::cli {
namespace {

constexpr std::size_t kLongestPrompt = std::size_t{1} << 28;

std::string read_all(int fd, const std::string& name) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) {
      if (SignalScope::interrupted()) throw InterruptedError("", "interrupted");
      continue;
    }
    if (n < 0) throw IoError(name, std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > kLongestPrompt) {
      throw ArgumentError(name,
                          fmt::format("longer than {} bytes, expected a prompt", kLongestPrompt));
    }
  }
}

std::string read_file(const std::string& path) {
  std::string text;
  if (path == "-") {
    text = read_all(STDIN_FILENO, "standard input");
  } else {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw IoError(path, std::strerror(errno));
    struct Close {
      int fd;
      ~Close() { ::close(fd); }
    } close{fd};
    text = read_all(fd, path);
  }
  // Editors and echo end a file with a newline that nobody means as a token.
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace

bool has_prompts(const CommonOptions& common) noexcept {
  return !common.prompts.empty() || common.prompt_file || !common.tokens.empty();
}

std::optional<ChatTemplate> chat_template_of(const CommonOptions& common,
                                             const std::filesystem::path& path) {
  if (!common.chat) {
    if (common.system) throw ArgumentError("--system", "given without --chat");
    return std::nullopt;
  }
  if (!common.tokens.empty()) {
    throw ArgumentError("--chat", "given together with --tokens, expected text");
  }
  if (!common.add_special_tokens) {
    throw ArgumentError("--no-bos",
                        "given together with --chat, whose template writes the special tokens");
  }
  auto chat = ChatTemplate::load(path);
  if (!chat) {
    throw UnsupportedError(
        path.string(),
        "the checkpoint has no chat template (chat_template.jinja, "
        "tokenizer_config.json, or GGUF's tokenizer.chat_template), expected one "
        "for --chat");
  }
  return chat;
}

std::vector<Prompt> read_prompts(const CommonOptions& common, const Tokenizer* tokenizer,
                                 const std::optional<ChatTemplate>& chat) {
  if (!has_prompts(common)) {
    throw ArgumentError("prompt",
                        "none given, expected -p TEXT, --prompt-file FILE or --tokens 1,2,3");
  }
  std::vector<Prompt> prompts;
  if (!common.tokens.empty()) {
    if (!common.prompts.empty() || common.prompt_file) {
      throw ArgumentError("--tokens", "given together with text, expected either ids or text");
    }
    for (const std::string& list : common.tokens) {
      prompts.emplace_back().encoding.ids = parse_token_ids("--tokens", list);
    }
    return prompts;
  }
  if (tokenizer == nullptr) {
    throw UnsupportedError("prompt", "this checkpoint has no tokenizer, expected --tokens 1,2,3");
  }
  std::vector<std::string> texts = common.prompts;
  if (common.prompt_file) texts.push_back(read_file(*common.prompt_file));
  for (std::string& text : texts) {
    if (chat) {
      std::vector<ChatMessage> messages;
      if (common.system) messages.push_back({"system", *common.system});
      messages.push_back({"user", text});
      text = chat->render(messages);
    }
    // The template writes BOS and the like itself.
    Encoding encoding = tokenizer->encode_with_offsets(text, common.add_special_tokens && !chat);
    prompts.push_back({std::move(text), std::move(encoding)});
  }
  return prompts;
}

void require_tokens(std::span<const Prompt> prompts) {
  for (const Prompt& prompt : prompts) {
    if (!prompt.ids().empty()) continue;
    throw ArgumentError("prompt", fmt::format("'{}' has no tokens, expected at least one",
                                              prompt.text.value_or("")));
  }
}

std::vector<std::vector<TokenId>> batch_of(std::span<const Prompt> prompts) {
  std::vector<std::vector<TokenId>> batch;
  for (const Prompt& prompt : prompts) batch.push_back(prompt.ids());
  return batch;
}

std::optional<std::string> piece_of(const Tokenizer* tokenizer, TokenId id) {
  if (tokenizer == nullptr || id < 0 || static_cast<std::size_t>(id) >= tokenizer->vocab_size()) {
    return std::nullopt;
  }
  return tokenizer->piece(id);
}

std::string text_of(const Tokenizer* tokenizer, TokenId id) {
  if (!piece_of(tokenizer, id)) return fmt::format("<id {}>", id);
  return tokenizer->decode(std::array{id});
}

}  // namespace cutaway::cli
