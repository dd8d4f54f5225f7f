#include <cutaway/error.h>

#include <utility>

namespace cutaway {

Error::Error(std::string_view subject, std::string_view detail)
    : std::runtime_error(subject.empty() ? std::string(detail)
                                         : std::string(subject) + ": " + std::string(detail)),
      subject_(subject),
      detail_(detail) {}

UnknownNameError::UnknownNameError(std::string_view subject, std::string_view detail,
                                   std::vector<std::string> suggestions)
    : ArgumentError(subject, detail), suggestions_(std::move(suggestions)) {}

}  // namespace cutaway
