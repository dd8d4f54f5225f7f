// Which kind of file holds a tokenizer, and where in a folder it is.
#include <algorithm>
#include <filesystem>
#include <vector>

#include <cutaway/error.h>

#include "io/mapped_file.h"
#include "tokenizer/tokenizer_impl.h"

namespace cutaway::tokenizer {
namespace {

/// tokenizer.json, then tekken.json, then a list of ranks; the first name if there is none of them.
std::filesystem::path find_in(const std::filesystem::path& folder) {
  std::error_code error;
  for (const char* name : {"tokenizer.json", "tekken.json"}) {
    if (std::filesystem::is_regular_file(folder / name, error)) return folder / name;
  }
  std::vector<std::filesystem::path> lists;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".tiktoken") lists.push_back(entry.path());
  }
  if (lists.size() == 1) return lists.front();
  if (lists.size() > 1) {
    std::sort(lists.begin(), lists.end());
    throw ArgumentError(folder.string(), "holds '" + lists[0].filename().string() + "' and '" +
                                             lists[1].filename().string() +
                                             "', expected one tokenizer; name the file");
  }
  if (std::filesystem::is_regular_file(folder / "tokenizer.model", error)) {
    return folder / "tokenizer.model";
  }
  return folder / "tokenizer.json";
}

std::shared_ptr<const Tokenizer::Impl> load_ranks(const std::filesystem::path& file) {
  const auto mapped = io::MappedFile::open(file);
  const auto bytes = mapped->bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  // A SentencePiece model is a protocol buffer, which starts with its first piece.
  if (text.starts_with('\n')) {
    throw UnsupportedError(file.string(),
                           "is a SentencePiece model, which is not supported, expected a "
                           "tokenizer.json made of it, or a list of base64 tokens and ranks");
  }
  return parse_tiktoken(text, file.string());
}

}  // namespace

std::shared_ptr<const Tokenizer::Impl> load_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path file =
      std::filesystem::is_directory(path, error) ? find_in(path) : path;
  const std::string extension = file.extension().string();
  if (extension == ".gguf") return load_gguf(io::GgufFile::read(file));
  if (extension == ".tiktoken" || extension == ".model") return load_ranks(file);
  return load_json(file);
}

}  // namespace cutaway::tokenizer
