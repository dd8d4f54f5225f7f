#include <cutaway/model.h>
#include <cutaway/version.h>

#include <array>
#include <optional>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "commands.h"
#include "info_report.h"
#include "json_document.h"
#include "kernels/elementwise.h"
#include "output.h"
#include "session.h"

namespace cutaway::cli {
namespace {

// One token through the whole model reads every weight: what a header cannot show (numbers that are
// not finite, a file shorter than its pages) shows here.
void check_forward(const Model& model) {
  const std::array<TokenId, 1> token = {model.config().bos_id.value_or(0)};
  const RunResult run = model.run(token, {}, {.logits = LogitRows::kLast});
  if (!kernels::all_finite(run.logits().values())) {
    throw FormatError(model.name(), "the logits of one token are not finite, expected numbers");
  }
}

std::optional<ResolvedModel> find_model(const CommonOptions& common) {
  try {
    return resolve_model(common);
  } catch (const ArgumentError&) {
    if (common.model) throw;
    return std::nullopt;  // nothing named and nothing found: the report says where it looked
  }
}

}  // namespace

int info_command(const InfoOptions& options) {
  Output out = Output::of_command(options.common);
  ProgressLine progress(options.common.quiet);
  const Runtime runtime = make_runtime(options.common, progress);

  InfoReport report;
  report.resolved = find_model(options.common);
  if (!options.common.model) {
    report.engine = EngineInfo{CUTAWAY_VERSION, std::string(simd_target()), runtime.threads()};
    report.search = model_search(options.common);
  }
  std::optional<Model> model;
  if (report.resolved) {
    try {
      const LoadOptions load{.ignore_config = options.common.ignore_config};
      if (options.check) report.compatibility = Model::check(report.resolved->path, load);
      model = Model::load(report.resolved->path, runtime, load);
      if (options.check) check_forward(*model);
    } catch (const InterruptedError&) {
      throw;
    } catch (const Error& error) {
      if (!options.check) throw;
      report.problem = error.what();
    }
  } else if (options.check) {
    report.problem = "no model was found";
  }
  report.checked = options.check;
  report.model = model ? &*model : nullptr;
  progress.clear();

  out.write(options.common.json ? to_json(report) : to_text(report));
  out.commit();
  return report.problem ? 1 : 0;
}

}  // namespace cutaway::cli
