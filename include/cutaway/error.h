// Every failure that cutaway reports: one hierarchy, one type for each thing a caller can do about
// it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway {

/// Base of every exception that the library throws on purpose.
///
/// `what()` reads "SUBJECT: what was found, what was expected"; lower case, no full stop.
/// `subject()` is the file or argument alone, for callers that build their own message.
class Error : public std::runtime_error {
 public:
  Error(std::string_view subject, std::string_view detail);
  const std::string& subject() const noexcept { return subject_; }
  const std::string& detail() const noexcept { return detail_; }

 private:
  std::string subject_;
  std::string detail_;
};

/// The operating system said no: a file is missing, unreadable, or the disk is full.
class IoError : public Error {
 public:
  using Error::Error;
};

/// The content of a file is wrong: truncated, hostile, or it contradicts itself.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// The input is valid, but this version does not handle it.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

/// The user asked to stop (Ctrl-C) and the work ended early. What was finished is kept.
class InterruptedError : public Error {
 public:
  using Error::Error;
};

/// The call is wrong.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

/// An array has another shape than the call needs.
class ShapeError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// A name (hook, tensor, command, option) does not exist. `suggestions()` holds the nearest that
/// do, best first.
class UnknownNameError : public ArgumentError {
 public:
  UnknownNameError(std::string_view subject, std::string_view detail,
                   std::vector<std::string> suggestions = {});
  const std::vector<std::string>& suggestions() const noexcept { return suggestions_; }

 private:
  std::vector<std::string> suggestions_;
};

}  // namespace cutaway
