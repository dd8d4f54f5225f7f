// What a template may spend, and how it fails: templates come out of model files, so they are
// hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace cutaway::chat {

/// Why a template ended early. The interpreter knows the line and makes the public error of it.
class Failure : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t {
    kTemplate,     ///< what jinja2 would refuse as well
    kRaised,       ///< the template called raise_exception
    kUnsupported,  ///< jinja2 could do it, this engine does not
    kLimit,        ///< a limit of steps, memory, depth
  };
  Failure(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

[[noreturn]] inline void fail(const std::string& message) {
  throw Failure(Failure::Kind::kTemplate, message);
}
[[noreturn]] inline void fail_unsupported(const std::string& message) {
  throw Failure(Failure::Kind::kUnsupported, message);
}

/// Counts down: a step is one node evaluated or some 16 bytes or one element looked at; bytes are
/// what all values ever made take together, freed or not, so that they bound time as well.
class Budget {
 public:
  Budget(std::uint64_t steps, std::uint64_t bytes) : steps_(steps), bytes_(bytes) {}

  void step(std::uint64_t n = 1) {
    if (n > steps_) {
      throw Failure(Failure::Kind::kLimit, "more steps than max_steps allows");
    }
    steps_ -= n;
  }
  void scan(std::size_t bytes) { step(1 + bytes / 16); }
  void allocate(std::uint64_t n) {
    if (n > bytes_) {
      throw Failure(Failure::Kind::kLimit, "more memory than max_bytes allows");
    }
    bytes_ -= n;
    step(1 + n / 64);
  }
  /// Before making `count` copies of something.
  void allocate(std::uint64_t count, std::uint64_t each) {
    if (each != 0 && count > bytes_ / each) allocate(bytes_ + 1);
    allocate(count * each);
  }

 private:
  std::uint64_t steps_;
  std::uint64_t bytes_;
};

/// Values inside values, and calls inside calls, go no deeper: both are walked by recursion.
constexpr int kMaxValueDepth = 100;
constexpr int kMaxEvalDepth = 700;

}  // namespace cutaway::chat
