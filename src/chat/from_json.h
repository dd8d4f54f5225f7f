// JSON documents as values of a template.
#pragma once

#include "chat/value.h"
#include "io/json.h"

namespace cutaway::chat {

Value from_json(Budget& budget, const io::Json& json);
/// The messages of a conversation, as transformers hands them to the template: members that are
/// null left out, reasoning under its other names as well. throws FormatError if they are not an
/// array of objects.
Value messages_from_json(Budget& budget, const io::Json& json);

}  // namespace cutaway::chat
