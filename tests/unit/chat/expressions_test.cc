// Small templates, each about one thing: what jinja2 makes of it.
#include "fixture.h"

namespace cutaway {
namespace {

TEST(Expressions, EachTemplateGivesWhatJinja2Gives) {
  const io::Json cases = io::Json::load(chat_fixtures() / "expressions.json");
  ASSERT_GE(cases.at("cases").items().size(), 150U);
  for (const io::Json& one : cases.at("cases").items()) {
    const std::string& source = one.at("template").as_string();
    ChatOptions options;
    options.now = seconds_at(cases.at("now").as_int());
    options.variables_json = json_text(cases.find("variables"));
    const Outcome ours =
        outcome_of([&] { return ChatTemplate::parse(source).render({}, options); });
    EXPECT_TRUE(agrees(ours, one))
        << one.at("name").as_string() << "\n"
        << source << "\nours: " << testing::PrintToString(ours) << "\njinja2: " << json_text(&one);
  }
}

}  // namespace
}  // namespace cutaway
