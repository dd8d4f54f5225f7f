#include "io/model_folder.h"

#include <cutaway/error.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "io/json.h"
#include "io/utf8.h"

namespace cutaway::io {

std::vector<StoredTensor> read_model_folder(
    const std::filesystem::path& folder, std::string_view single,
    FunctionRef<std::vector<StoredTensor>(const std::filesystem::path& file)> read) {
  const auto single_path = folder / single;
  std::error_code unreadable;  // then opening the file says why
  if (std::filesystem::exists(single_path, unreadable) || unreadable) {
    return read(single_path);
  }
  const auto index_path = folder / fmt::format("{}.index.json", single);
  if (!std::filesystem::exists(index_path, unreadable) && !unreadable) {
    throw IoError(folder.string(), fmt::format("has neither {} nor {}.index.json", single, single));
  }

  const Json index = Json::load(index_path);
  std::set<std::string> shards;
  for (const auto& [name, shard] : index.at("weight_map").members()) {
    const std::string& file = shard.as_string();
    // The index comes with the download; it must not reach other files of this machine.
    if (file.empty() || file == "." || file == ".." ||
        file.find_first_of(std::string_view("/\\\0", 3)) != file.npos) {
      shard.fail(fmt::format("is '{}', expected a file name inside the folder", printable(file)));
    }
    shards.insert(file);
  }

  std::vector<StoredTensor> out;
  std::unordered_map<std::string, std::string> held_by;
  for (const std::string& shard : shards) {
    for (StoredTensor& tensor : read(folder / shard)) {
      const auto [before, is_new] = held_by.emplace(tensor.name, shard);
      if (!is_new) {
        throw FormatError(index_path.string(),
                          fmt::format("tensor '{}' is in '{}' and again in '{}'",
                                      printable(tensor.name), before->second, shard));
      }
      out.push_back(std::move(tensor));
    }
  }
  for (const auto& [name, shard] : index.at("weight_map").members()) {
    const auto found = held_by.find(name);
    if (found == held_by.end() || found->second != shard.as_string()) {
      throw FormatError(index_path.string(),
                        fmt::format("tensor '{}' is promised in '{}', which does not hold it",
                                    printable(name), shard.as_string()));
    }
  }
  return out;
}

}  // namespace cutaway::io
