// What `info` tells, as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cutaway/model.h>

#include "resolve_model.h"

namespace cutaway::cli {

struct EngineInfo {
  std::string version;
  std::string cpu_target;
  int threads;
};

struct InfoReport {
  std::optional<EngineInfo> engine;            ///< when no MODEL was named
  std::vector<SearchStep> search;              ///< likewise
  std::optional<ResolvedModel> resolved;       ///< absent: none was found
  const Model* model = nullptr;                ///< null: none, or it does not load
  bool checked = false;                        ///< --check was given
  std::optional<std::string> problem;          ///< of the check: why the model cannot run
  std::optional<Compatibility> compatibility;  ///< of the check, if the files could be read
};

std::string to_text(const InfoReport& report);
std::string to_json(const InfoReport& report);

}  // namespace cutaway::cli
