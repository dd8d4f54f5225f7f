// What the interpreter enters and leaves.
#pragma once

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "chat/interpreter.h"

namespace cutaway::chat {

/// Counts how deep the interpreter has called itself.
class Interpreter::Depth {
 public:
  explicit Depth(Interpreter& in) : in_(in) {
    if (in.depth_ >= kMaxEvalDepth) {
      throw Failure(Failure::Kind::kLimit,
                    fmt::format("calls inside calls more than {} deep", kMaxEvalDepth));
    }
    ++in.depth_;
  }
  ~Depth() { --in_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  Interpreter& in_;
};

/// A new scope inside `parent`, while this lives.
class Interpreter::Inside {
 public:
  Inside(Interpreter& in, std::shared_ptr<Scope> parent) : in_(in), outer_(in.scope_) {
    in.scope_ = std::make_shared<Scope>();
    in.scope_->parent = std::move(parent);
  }
  ~Inside() { in_.scope_ = std::move(outer_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Interpreter& in_;
  std::shared_ptr<Scope> outer_;
};

}  // namespace cutaway::chat
