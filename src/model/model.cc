#include <cutaway/error.h>
#include <cutaway/model.h>

#include <algorithm>
#include <utility>

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/checkpoint_folder.h"
#include "io/hub_cache.h"
#include "io/json.h"
#include "model/auto_config.h"
#include "model/config_gguf.h"
#include "model/config_hf.h"
#include "model/forward.h"
#include "model/model_impl.h"
#include "model/tensor_source.h"

namespace cutaway {
namespace {

namespace fs = std::filesystem;

void load_gguf(Model::Impl& m, const fs::path& path, const LoadOptions& options) {
  const io::GgufFile file = io::GgufFile::read(path, options.use_mmap);
  m.config = config_from_gguf(file, options.ignore_config);
  const Family& family = *find_family(m.config.model_type);
  m.weights = load_weights(m.config, family, TensorSource::from_gguf(file, family), true);
  if (file.has("tokenizer.ggml.model")) m.tokenizer_path = path;
}

/// Newer checkpoints list all their end tokens here only (Llama 3.1 has three).
void read_generation_config(Model::Impl& m, const fs::path& path) {
  if (!fs::exists(path)) return;
  const io::Json json = io::Json::load(path);
  const io::Json* eos = json.find("eos_token_id");
  if (eos == nullptr || eos->is_null()) return;
  m.config.eos_ids.clear();
  if (eos->is_array()) {
    for (const io::Json& id : eos->items())
      m.config.eos_ids.push_back(static_cast<TokenId>(id.as_int()));
  } else {
    m.config.eos_ids.push_back(static_cast<TokenId>(eos->as_int()));
  }
}

/// The row of the family table, or one made for a type that is not there.
struct FamilyChoice {
  Family family;
  std::string model_type;
  bool is_auto;
};

FamilyChoice choose_family(const io::Json& json, const std::vector<io::StoredTensor>& tensors) {
  const std::string type = model_type_of(json);
  if (const Family* known = find_family(type)) return {*known, type, false};
  return {auto_family(json, shapes_of(tensors)), type, true};
}

void load_folder(Model::Impl& m, const fs::path& folder, const LoadOptions& options) {
  const io::Json json = io::Json::load(folder / "config.json");
  std::vector<io::StoredTensor> tensors = io::read_checkpoint_folder(folder, options.use_mmap);
  const FamilyChoice choice = choose_family(json, tensors);
  m.config = config_from_json(json, choice.family, options.ignore_config);
  m.config.model_type = choice.model_type;
  m.config.is_auto = choice.is_auto;
  read_generation_config(m, folder / "generation_config.json");
  m.weights = load_weights(
      m.config, choice.family,
      TensorSource::from_checkpoint(std::move(tensors), folder.string(), choice.family), false);
  if (fs::exists(folder / "tokenizer.json")) m.tokenizer_path = folder;
}

bool looks_like_hub_id(const std::string& source) {
  return std::ranges::count(source, '/') == 1 && source.front() != '/' && source.back() != '/' &&
         source.front() != '.';
}

fs::path home_hub_cache() {
  const passwd* user = getpwuid(getuid());
  return fs::path(user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/") /
         ".cache/huggingface/hub";
}

fs::path resolve(const fs::path& source, const LoadOptions& options) {
  const std::string text = source.string();
  std::error_code ignored;
  if (fs::is_directory(source, ignored)) {
    if (fs::exists(source / "config.json", ignored)) return source;
    throw IoError(text, "a folder without config.json, expected a Hugging Face checkpoint");
  }
  if (fs::exists(source, ignored)) {
    if (source.extension() == ".gguf") return source;
    throw ArgumentError(text,
                        "a file that does not end in .gguf, expected a checkpoint folder, a .gguf "
                        "file or a hub id");
  }
  if (!text.empty() && looks_like_hub_id(text) && source.extension() != ".gguf") {
    const fs::path cache = options.hub_cache.empty() ? home_hub_cache() : options.hub_cache;
    if (const auto snapshot = io::find_cached_snapshot(
            text, {.hf_hub_cache = cache.string(), .hf_home = {}, .home = {}}))
      return *snapshot;
    throw IoError(text,
                  fmt::format("neither a folder nor a model in the hub cache {}", cache.string()));
  }
  throw IoError(text, "no such file or folder");
}

std::vector<std::size_t> lengths_of(const std::vector<std::vector<TokenId>>& batch) {
  std::vector<std::size_t> out;
  for (const auto& tokens : batch) out.push_back(tokens.size());
  return out;
}

/// [rows, d_vocab] of all sequences → [batch, pos, d_vocab], zero past each row's own length.
Tensor pad_logits(Tensor packed, std::span<const std::size_t> lengths, std::size_t d_vocab) {
  const std::size_t longest = *std::ranges::max_element(lengths);
  if (packed.extent(0) == lengths.size() * longest) {
    packed.reshape({lengths.size(), longest, d_vocab});
    return packed;
  }
  Tensor out({lengths.size(), longest, d_vocab});
  const float* from = packed.data();
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    std::copy_n(from, lengths[b] * d_vocab, out.data() + b * longest * d_vocab);
    from += lengths[b] * d_vocab;
  }
  return out;
}

}  // namespace

void check_tokens(const Model::Impl& m, const std::vector<std::vector<TokenId>>& batch) {
  if (batch.empty()) throw ArgumentError("tokens", "no sequence, expected at least one");
  const auto d_vocab = static_cast<std::int64_t>(m.config.d_vocab);
  for (std::size_t b = 0; b < batch.size(); ++b) {
    const std::string which = batch.size() == 1 ? "tokens" : fmt::format("tokens of row {}", b);
    if (batch[b].empty())
      throw ArgumentError(which, "an empty sequence, expected at least one token");
    if (batch[b].size() > m.config.n_ctx) {
      throw ArgumentError(which, fmt::format("{} tokens, but the context of this model holds {}",
                                             batch[b].size(), m.config.n_ctx));
    }
    for (std::size_t i = 0; i < batch[b].size(); ++i) {
      if (batch[b][i] < 0 || batch[b][i] >= d_vocab) {
        throw ArgumentError(which, fmt::format("id {} at position {}, expected 0 to {}",
                                               batch[b][i], i, d_vocab - 1));
      }
    }
  }
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const fs::path& source, const Runtime& runtime, LoadOptions options) {
  const fs::path path = resolve(source, options);
  auto m = std::make_shared<Impl>(source.string(), path.string(), runtime);
  if (fs::is_directory(path)) {
    load_folder(*m, path, options);
  } else {
    load_gguf(*m, path, options);
  }
  m->device = make_cpu_device(m->runtime.pool());
  return Model(std::move(m));
}

Compatibility Model::check(const fs::path& source, LoadOptions options) {
  const fs::path path = resolve(source, options);
  Compatibility out;
  std::optional<Family> family;
  if (fs::is_directory(path)) {
    const io::Json json = io::Json::load(path / "config.json");
    out.model_type = model_type_of(json);
    out.is_known_family = find_family(out.model_type) != nullptr;
    if (!out.is_known_family) {
      out.issues =
          compatibility_issues(json, shapes_of(io::read_checkpoint_folder(path, options.use_mmap)));
    }
  } else {
    const io::GgufFile file = io::GgufFile::read(path, options.use_mmap);
    const std::string* arch = file.find_string("general.architecture");
    out.model_type = arch != nullptr ? *arch : "";
    out.is_known_family = find_gguf_family(out.model_type) != nullptr;
  }
  if (!out.issues.empty()) return out;
  try {
    load(source, Runtime({.threads = 1}), std::move(options));
  } catch (const UnsupportedError& error) {
    out.issues.emplace_back(error.what());
  } catch (const FormatError& error) {
    out.issues.emplace_back(error.what());
  }
  return out;
}

const ModelConfig& Model::config() const noexcept { return impl_->config; }
const Runtime& Model::runtime() const noexcept { return impl_->runtime; }
const std::string& Model::name() const noexcept { return impl_->name; }
bool Model::has_tokenizer() const noexcept { return !impl_->tokenizer_path.empty(); }
std::vector<HookPoint> Model::hook_points() const {
  return all_hook_points(impl_->config.hook_dims());
}

const Tokenizer& Model::tokenizer() const {
  const Impl& m = *impl_;
  if (m.tokenizer_path.empty()) {
    throw UnsupportedError(m.origin,
                           "the checkpoint has no tokenizer (tokenizer.json, or GGUF's "
                           "tokenizer.ggml.model); pass token ids");
  }
  // Read on first use: large vocabularies take longer to read than the model itself.
  std::call_once(m.tokenizer_once, [&] { m.tokenizer = Tokenizer::load(m.tokenizer_path); });
  return *m.tokenizer;
}

const std::optional<ChatTemplate>& Model::chat_template() const {
  const Impl& m = *impl_;
  std::call_once(m.chat_once, [&] { m.chat = ChatTemplate::load(m.origin); });
  return m.chat;
}

RunResult Model::run(std::span<const TokenId> tokens, const HookSpec& hooks,
                     RunOptions options) const {
  return run(std::vector<std::vector<TokenId>>{{tokens.begin(), tokens.end()}}, hooks, options);
}

RunResult Model::run(const std::vector<std::vector<TokenId>>& batch, const HookSpec& hooks,
                     RunOptions options) const {
  const Impl& m = *impl_;
  check_tokens(m, batch);
  const std::vector<std::size_t> lengths = lengths_of(batch);
  const HookPlan plan(hooks, m.config.hook_dims(), lengths, 0);
  const WeightMemory memory = check_memory(m, memory_use(m, lengths, 0, 1, plan, options.logits));

  std::vector<std::span<const TokenId>> tokens(batch.begin(), batch.end());
  std::vector<KvStore> stores;
  for (std::size_t length : lengths)
    stores.emplace_back(*m.device, 1, m.config.n_kv_heads, m.config.d_head, length);
  ActivationCache cache;
  Tensor logits = forward(m, tokens, stores, plan, cache, options.logits, memory);
  switch (options.logits) {
    case LogitRows::kAll:
      logits = pad_logits(std::move(logits), lengths, m.config.d_vocab);
      break;
    case LogitRows::kLast:
      logits.reshape({batch.size(), 1, m.config.d_vocab});
      break;
    case LogitRows::kNone:
      logits.reshape({batch.size(), 0, m.config.d_vocab});
      break;
  }
  return {std::move(logits), std::move(cache), lengths};
}

Tensor Model::unembed(TensorView<const float, 2> resid) const {
  const Impl& m = *impl_;
  if (resid.extent(1) != m.config.d_model) {
    throw ShapeError("resid", fmt::format("rows of {}, expected d_model = {}", resid.extent(1),
                                          m.config.d_model));
  }
  const std::uint64_t rows = resid.extent(0);
  const MemoryUse use{.activations = rows * 2 * m.config.d_model * sizeof(float),
                      .logits = rows * m.config.d_vocab * sizeof(float)};
  return project(m, resid, check_memory(m, use));
}

}  // namespace cutaway
