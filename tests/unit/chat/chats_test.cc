// Real templates and real conversations: the same text as jinja2 under transformers.
#include "fixture.h"

namespace cutaway {
namespace {

ChatTemplate real_template(const std::string& name, const io::Json& about) {
  const auto path = chat_fixtures() / "templates" / (name + ".jinja");
  ChatTemplate out = ChatTemplate::parse(read_file(path), name);
  for (const auto& [token, text] : about.at("special_tokens").members()) {
    out = out.with_special_token(token, text.as_string());
  }
  return out;
}

TEST(Chats, EveryRealTemplateRendersEveryConversationAsJinja2Does) {
  const io::Json chats = io::Json::load(chat_fixtures() / "chats.json");
  const io::Json templates = io::Json::load(chat_fixtures() / "templates.json");
  const auto now = seconds_at(chats.at("now").as_int());
  std::size_t count = 0;
  for (const auto& [name, results] : chats.at("results").members()) {
    const ChatTemplate chat = real_template(name, templates.at(name));
    for (const auto& [title, conversation] : chats.at("conversations").members()) {
      ChatOptions options;
      options.now = now;
      options.add_generation_prompt = conversation.at("add_generation_prompt").as_bool();
      options.tools_json = json_text(conversation.find("tools"));
      options.documents_json = json_text(conversation.find("documents"));
      options.variables_json = json_text(conversation.find("variables"));
      const std::string messages = json_text(conversation.find("messages"));
      const Outcome ours = outcome_of([&] { return chat.render_json(messages, options); });
      EXPECT_TRUE(agrees(ours, results.at(title)))
          << name << ", " << title << "\nours: " << testing::PrintToString(ours)
          << "\njinja2: " << json_text(results.find(title));
      ++count;
    }
  }
  EXPECT_GE(count, 600U);
}

}  // namespace
}  // namespace cutaway
