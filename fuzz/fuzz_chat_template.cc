// Chat templates: parsing, and rendering within small limits. An input's part behind a zero byte is
// the conversation's JSON.
#include <string_view>
#include <vector>

#include <cutaway/chat.h>
#include <cutaway/error.h>

#include "fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cutaway;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\0');
  ChatOptions options;
  options.now = std::chrono::sys_seconds{};
  options.max_steps = 100'000;
  options.max_bytes = 4 << 20;
  options.max_output = 1 << 20;
  options.tools_json = R"([{"type": "function", "function": {"name": "f", "parameters": {}}}])";
  try {
    const auto t = ChatTemplate::parse(std::string(input.substr(0, split)), "fuzz")
                       .with_special_token("bos_token", "<s>");
    if (split != std::string_view::npos) {
      t.render_json(input.substr(split + 1), options);
    } else {
      const std::vector<ChatMessage> messages = {
          {"system", "S"}, {"user", "Hi \n"}, {"assistant", "<think>a</think>b"}, {"user", "é"}};
      t.render(messages, options);
    }
  } catch (const Error&) {
  }
  return 0;
}
