#include "session.h"

#include <utility>

#include "terminal.h"

namespace cutaway::cli {

Runtime make_runtime(const CommonOptions& common, ProgressLine& progress) {
  return Runtime({.threads = common.threads,
                  .memory_limit = common.memory,
                  .on_progress = [&progress](const Progress& p) { progress.report(p); },
                  .should_stop = [] { return SignalScope::interrupted(); }});
}

Session open_session(const CommonOptions& common) {
  ResolvedModel resolved = resolve_model(common);
  auto progress = std::make_unique<ProgressLine>(common.quiet);
  Model model = Model::load(resolved.path, make_runtime(common, *progress),
                            {.ignore_config = common.ignore_config});
  Session session{std::move(resolved), std::move(progress), std::move(model), nullptr};
  if (session.model.has_tokenizer()) session.tokenizer = &session.model.tokenizer();
  return session;
}

}  // namespace cutaway::cli
