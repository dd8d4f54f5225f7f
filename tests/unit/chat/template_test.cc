// The public interface: what is chosen, what is refused, what errors say.
#include "fixture.h"

#include <thread>

namespace cutaway {
namespace {

template <typename Expected>
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Expected& error) {
    return error.what();
  }
  return "no error of the expected type";
}

const std::vector<ChatMessage> kHello = {{"user", "Hello"}};

TEST(ChatTemplate, RendersMessages) {
  const auto t = ChatTemplate::parse(
      "{% for m in messages %}[{{ m.role }}] {{ m['content'] }}\n{% endfor %}"
      "{% if add_generation_prompt %}[assistant] {% endif %}");
  EXPECT_EQ(t.render(kHello), "[user] Hello\n[assistant] ");
  EXPECT_EQ(t.render(kHello, {.add_generation_prompt = false}), "[user] Hello\n");
  EXPECT_EQ(t.render_json(R"([{"role": "user", "content": "Hello"}])"), t.render(kHello));
}

TEST(ChatTemplate, VariablesWinOverSpecialTokens) {
  const auto t =
      ChatTemplate::parse("{{ bos_token }}{{ x }}").with_special_token("bos_token", "<s>");
  EXPECT_EQ(t.render({}), "<s>");
  EXPECT_EQ(t.with_special_token("bos_token", "<b>").render({}), "<b>");
  EXPECT_EQ(t.render({}, {.variables_json = R"({"bos_token": "!", "x": [1, null]})"}),
            "![1, None]");
}

TEST(ChatTemplate, ToolsAndDocumentsAreNoneUnlessGiven) {
  const auto t = ChatTemplate::parse("{{ tools is none }} {{ documents is none }}");
  EXPECT_EQ(t.render({}), "True True");
  EXPECT_EQ(t.render({}, {.tools_json = "[]", .documents_json = "[{}]"}), "False False");
}

TEST(ChatTemplate, NullMembersOfAMessageAreLeftOut) {
  const auto t = ChatTemplate::parse("{{ messages[0]|tojson }}");
  EXPECT_EQ(t.render_json(R"([{"role": "a", "content": null, "x": {"y": null}}])"),
            R"({"role": "a", "x": {"y": null}})");
}

TEST(ChatTemplate, ReasoningHasAllItsNames) {
  const auto t =
      ChatTemplate::parse("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}");
  for (const char* name : {"reasoning", "thinking", "reasoning_content"}) {
    EXPECT_EQ(t.render_json(std::string(R"([{")") + name + R"(": "r"}])"), "rr") << name;
  }
}

TEST(ChatTemplate, TheClockIsUtcUnlessFixed) {
  const auto t = ChatTemplate::parse("{{ strftime_now('%Y-%m-%d %H:%M') }}");
  EXPECT_EQ(t.render({}, {.now = seconds_at(0)}), "1970-01-01 00:00");
  EXPECT_EQ(t.render({}, {.now = seconds_at(951782399)}), "2000-02-28 23:59");
  EXPECT_GE(t.render({}), "2024");
}

TEST(ChatTemplate, ARefusalIsTheCallersError) {
  const auto t = ChatTemplate::parse("\n{{ raise_exception('roles must\nalternate') }}", "a.jinja");
  EXPECT_EQ(message_of<ArgumentError>([&] { t.render(kHello); }),
            "messages: the chat template refused them: roles must\\x0aalternate (a.jinja, line 2)");
}

TEST(ChatTemplate, ErrorsNameTheLine) {
  const auto at = [](const std::string& source) {
    return message_of<FormatError>([&] { ChatTemplate::parse(source, "t").render({}); });
  };
  EXPECT_EQ(at("a\nb {{ x.y }}"), "t: line 2: 'x' is undefined");
  EXPECT_EQ(at("{% if true %}\n\n{{ 1 +\n 'a' }}{% endif %}"),
            "t: line 3: '+' is not supported between 'int' and 'str'");
  EXPECT_EQ(at("\n{% if %}"), "t: line 2: found the end of the block, expected an expression");
  EXPECT_EQ(at("{# a\n\n #}{% for %}"),
            "t: line 3: found the end of the block, expected an expression");
  EXPECT_EQ(at("\n\n{{ 'a' | nonsense }}"), "t: line 3: no filter named 'nonsense'");
}

TEST(ChatTemplate, WhatIsNotSupportedIsNamedOnParsing) {
  const auto at = [](const std::string& source) {
    return message_of<UnsupportedError>([&] { ChatTemplate::parse(source, "t"); });
  };
  for (const char* statement : {"include 'a'", "import 'a' as b", "from 'a' import b",
                                "extends 'a'", "block a", "autoescape true", "do 1"}) {
    const std::string word = std::string(statement).substr(0, std::string(statement).find(' '));
    EXPECT_EQ(at("\n{% " + std::string(statement) + " %}"),
              "t: line 2: the statement '" + word + "', which this version does not handle");
  }
  EXPECT_EQ(at("{% for x in y recursive %}{% endfor %}"),
            "t: line 1: 'recursive' in a for statement, which this version does not handle");
  EXPECT_EQ(at("{{ x|urlencode }}"),
            "t: line 1: the filter 'urlencode', which this version does not handle");
  EXPECT_EQ(
      at("{{ 99999999999999999999 }}"),
      "t: line 1: the integer 99999999999999999999, which needs more than 64 bits, which this "
      "version does not handle");
}

TEST(ChatTemplate, WhatIsNotSupportedIsNamedOnRunning) {
  for (const char* source : {"{{ 'a'.encode() }}", "{{ 2**70 }}", "{{ 'a'|map('random')|list }}",
                             "{{ lipsum() }}", "{{ [1]|map('string') }}"}) {
    EXPECT_THROW(ChatTemplate::parse(source).render({}), UnsupportedError) << source;
  }
}

TEST(ChatTemplate, ArgumentsAreChecked) {
  const auto t = ChatTemplate::parse("x");
  const std::vector<ChatMessage> broken = {{"user", "\xff"}};
  EXPECT_EQ(message_of<ArgumentError>([&] { t.render(broken); }),
            "messages: the content of message 0 is not UTF-8");
  EXPECT_THROW(t.render_json("{"), ArgumentError);
  EXPECT_THROW(t.render_json("{}"), ArgumentError);
  EXPECT_THROW(t.render_json("[1]"), ArgumentError);
  EXPECT_THROW(t.render({}, {.tools_json = "["}), ArgumentError);
  EXPECT_THROW(t.render({}, {.variables_json = "[1]"}), ArgumentError);
  EXPECT_THROW(t.render({}, {.name = "nope"}), UnknownNameError);
  EXPECT_THROW(t.source("nope"), UnknownNameError);
  EXPECT_THROW(ChatTemplate::parse("\xff"), FormatError);
}

TEST(ChatTemplate, OneTemplateServesSeveralThreads) {
  const auto t =
      ChatTemplate::parse("{% for m in messages %}{{ m.content }}{{ 'x' * 3 }}{% endfor %}");
  std::vector<std::thread> threads;
  std::vector<std::string> out(4);
  for (std::string& text : out) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) text = t.render(kHello);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : out) EXPECT_EQ(text, "Helloxxx");
}

}  // namespace
}  // namespace cutaway
