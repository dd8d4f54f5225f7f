#include "chat/from_json.h"

#include <array>
#include <string_view>

namespace cutaway::chat {

Value from_json(Budget& budget, const io::Json& json) {
  budget.step();
  switch (json.type()) {
    case io::Json::Type::kNull:
      return None{};
    case io::Json::Type::kBool:
      return json.as_bool();
    case io::Json::Type::kInt:
      return json.as_int();
    case io::Json::Type::kDouble:
      return json.as_double();
    case io::Json::Type::kString:
      return make_string(budget, json.as_string());
    case io::Json::Type::kArray: {
      std::vector<Value> items;
      for (const io::Json& item : json.items()) items.push_back(from_json(budget, item));
      return make_list(budget, std::move(items));
    }
    case io::Json::Type::kObject: {
      DictBuilder dict(budget);
      for (const auto& [key, member] : json.members()) {
        dict.set(make_string(budget, key), from_json(budget, member));
      }
      return dict.take();
    }
  }
  return {};
}

namespace {

Value message_from_json(Budget& budget, const io::Json& json) {
  if (!json.is_object()) json.fail("is no object, expected a message");
  constexpr std::array<std::string_view, 3> kReasoning = {"reasoning_content", "thinking",
                                                          "reasoning"};
  const io::Json* reasoning = nullptr;
  for (const std::string_view name : kReasoning) {
    const io::Json* found = json.find(name);
    if (reasoning == nullptr && found != nullptr && !found->is_null()) reasoning = found;
  }
  DictBuilder dict(budget);
  const auto set = [&](std::string_view key, const io::Json& value) {
    dict.set(make_string(budget, std::string(key)), from_json(budget, value));
  };
  if (reasoning != nullptr) set("thinking", *reasoning);
  for (const auto& [key, member] : json.members()) {
    if (!member.is_null()) set(key, member);
  }
  if (reasoning != nullptr) set("reasoning_content", *reasoning);
  return dict.take();
}

}  // namespace

Value messages_from_json(Budget& budget, const io::Json& json) {
  if (!json.is_array()) json.fail("is no array, expected the messages of a conversation");
  std::vector<Value> messages;
  for (const io::Json& message : json.items()) {
    messages.push_back(message_from_json(budget, message));
  }
  return make_list(budget, std::move(messages));
}

}  // namespace cutaway::chat
