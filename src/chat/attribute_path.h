// "address.city" as filters take it: one look-up for each part.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/value.h"

namespace cutaway::chat {

class Interpreter;

class AttributePath {
 public:
  /// `attribute`: none (the value itself), an integer, or names and numbers with dots between.
  /// `otherwise` stands for what is undefined on the way.
  explicit AttributePath(const Value& attribute, std::optional<Value> otherwise = std::nullopt);
  /// "age,name": several to sort by.
  static std::vector<AttributePath> several(const Value& attribute);

  Value get(Interpreter& in, const Value& value) const;

 private:
  std::vector<Value> parts_;
  std::optional<Value> otherwise_;
};

}  // namespace cutaway::chat
