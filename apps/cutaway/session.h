// The model that a command works on, and what it may use.
#pragma once

#include <memory>

#include <cutaway/model.h>

#include "options.h"
#include "progress.h"
#include "resolve_model.h"

namespace cutaway::cli {

struct Session {
  ResolvedModel resolved;
  std::unique_ptr<ProgressLine> progress;  ///< the runtime's callback points to it
  Model model;
  const Tokenizer* tokenizer;  ///< null if the checkpoint has none
};

Runtime make_runtime(const CommonOptions& common, ProgressLine& progress);
/// Find and load the model. throws what resolve_model and Model::load throw.
Session open_session(const CommonOptions& common);

}  // namespace cutaway::cli
