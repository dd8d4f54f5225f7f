// The chat template of a checkpoint.
#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include <cutaway/chat.h>
#include <cutaway/error.h>

#include "chat/chat_template_impl.h"
#include "io/gguf.h"
#include "io/json.h"
#include "io/mapped_file.h"
#include "io/utf8.h"

namespace cutaway {
namespace {

namespace fs = std::filesystem;
using Impl = ChatTemplate::Impl;

constexpr std::size_t kMaxTemplateBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxTemplates = 64;

constexpr std::array<const char*, 7> kSpecialTokens = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

void add(Impl& impl, const std::string& name, std::string source) {
  if (source.size() > kMaxTemplateBytes) {
    throw FormatError(impl.origin, fmt::format("a chat template of {} bytes, expected at most {}",
                                               source.size(), kMaxTemplateBytes));
  }
  if (impl.variants.size() >= kMaxTemplates) {
    throw FormatError(impl.origin, fmt::format("more than {} chat templates", kMaxTemplates));
  }
  for (const Impl::Variant& other : impl.variants) {
    if (other.name == name) {
      throw FormatError(impl.origin,
                        fmt::format("two chat templates named '{}'", io::printable(name)));
    }
  }
  impl.add(name, std::move(source));
}

std::string read_text(const fs::path& path) {
  const auto file = io::MappedFile::open(path);
  const auto bytes = file->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A string, or named ones: [{"name": ..., "template": ...}].
void add_field(Impl& impl, const io::Json& field) {
  if (!field.is_array()) return add(impl, "default", field.as_string());
  for (const io::Json& one : field.items()) {
    add(impl, one.at("name").as_string(), one.at("template").as_string());
  }
}

void add_special_tokens(Impl& impl, const io::Json& config) {
  for (const char* name : kSpecialTokens) {
    const io::Json* token = config.find(name);
    if (token == nullptr || token->is_null()) continue;
    const io::Json& text = token->is_object() ? token->at("content") : *token;
    impl.special_tokens.emplace_back(name, text.as_string());
  }
}

void add_folder_files(Impl& impl, const fs::path& folder) {
  const fs::path main = folder / "chat_template.jinja";
  if (!fs::exists(main)) return;
  impl.origin = main.string();
  add(impl, "default", read_text(main));
  const fs::path others = folder / "additional_chat_templates";
  if (!fs::is_directory(others)) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(others)) {
    if (entry.path().extension() == ".jinja") files.push_back(entry.path());
    if (files.size() > kMaxTemplates) break;
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    impl.origin = file.string();
    add(impl, file.stem().string(), read_text(file));
  }
  impl.origin = main.string();
}

void load_folder(Impl& impl, const fs::path& folder) {
  const fs::path config_path = folder / "tokenizer_config.json";
  std::optional<io::Json> config;
  if (fs::exists(config_path)) {
    config = io::Json::load(config_path);
    add_special_tokens(impl, *config);
  }
  add_folder_files(impl, folder);
  const auto add_from = [&](const fs::path& path, const io::Json& json) {
    const io::Json* field = json.find("chat_template");
    if (!impl.variants.empty() || field == nullptr || field->is_null()) return;
    impl.origin = path.string();
    add_field(impl, *field);
  };
  if (config) add_from(config_path, *config);
  const fs::path processor = folder / "chat_template.json";
  if (impl.variants.empty() && fs::exists(processor)) {
    add_from(processor, io::Json::load(processor));
  }
}

void load_gguf(Impl& impl, const fs::path& path) {
  const io::GgufFile file = io::GgufFile::read(path);
  constexpr const char* kKey = "tokenizer.chat_template";
  if (const std::string* text = file.find_string(kKey)) add(impl, "default", *text);
  if (const auto* names = file.find_strings("tokenizer.chat_templates")) {
    for (const std::string& name : *names) {
      const std::string* text = file.find_string(fmt::format("{}.{}", kKey, name));
      if (text != nullptr && name != "default") add(impl, name, *text);
    }
  }
  if (impl.variants.empty()) return;
  const auto* tokens = file.find_strings("tokenizer.ggml.tokens");
  constexpr std::array<std::pair<const char*, const char*>, 7> kIds = {
      {{"bos_token", "bos_token_id"},
       {"eos_token", "eos_token_id"},
       {"unk_token", "unknown_token_id"},
       {"sep_token", "seperator_token_id"},  // the format spells it so
       {"pad_token", "padding_token_id"},
       {"cls_token", "cls_token_id"},
       {"mask_token", "mask_token_id"}}};
  for (const auto& [name, key] : kIds) {
    const auto id = file.find_int(fmt::format("tokenizer.ggml.{}", key));
    if (!id || tokens == nullptr) continue;
    if (*id < 0 || static_cast<std::uint64_t>(*id) >= tokens->size())
      continue;  // the tokenizer says
    const std::string& text = (*tokens)[static_cast<std::size_t>(*id)];
    if (io::is_utf8(text)) impl.special_tokens.emplace_back(name, text);
  }
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::load(const fs::path& path) {
  auto impl = std::make_shared<Impl>();
  impl->origin = path.string();
  try {
    if (fs::is_directory(path)) {
      load_folder(*impl, path);
    } else if (path.extension() == ".gguf") {
      load_gguf(*impl, path);
    } else {
      throw ArgumentError(path.string(), "expected a checkpoint folder or a .gguf file");
    }
  } catch (const fs::filesystem_error& error) {
    throw IoError(path.string(), error.code().message());
  }
  if (impl->variants.empty()) return std::nullopt;
  return ChatTemplate(std::move(impl));
}

}  // namespace cutaway
