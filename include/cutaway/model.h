// A model: loaded once, never changed; run it on tokens, watch and edit what happens inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/chat.h>
#include <cutaway/config.h>
#include <cutaway/dtype.h>
#include <cutaway/hooks.h>
#include <cutaway/runtime.h>
#include <cutaway/tensor.h>
#include <cutaway/tokenizer.h>

namespace cutaway {

struct LoadOptions {
  std::vector<std::string> ignore_config =
      {};  ///< config keys to ignore although this version does not know them
  /// Where hub ids are looked up; empty: the user's ~/.cache/huggingface/hub. (The library reads no
  /// environment; the CLI and Python pass on $HF_HUB_CACHE and $HF_HOME.)
  std::filesystem::path hub_cache = {};
  bool use_mmap =
      true;  ///< false: read the files whole (for file systems where a mapped file may shrink)
};

enum class LogitRows : std::uint8_t { kAll, kLast, kNone };

struct RunOptions {
  LogitRows logits =
      LogitRows::kAll;  ///< kLast: [batch, 1, d_vocab], each sequence's own last position
};

/// What a run returns. `logits` [batch, pos, d_vocab] f32 and the captured activations.
class RunResult {
 public:
  RunResult(Tensor logits, ActivationCache cache, std::vector<std::size_t> lengths)
      : logits_(std::move(logits)), cache_(std::move(cache)), lengths_(std::move(lengths)) {}
  const Tensor& logits() const noexcept { return logits_; }
  const ActivationCache& cache() const noexcept { return cache_; }
  ActivationCache& cache() noexcept { return cache_; }
  const Tensor& at(HookPoint point) const { return cache_.at(point); }
  const Tensor& at(std::string_view name) const { return cache_.at(name); }
  /// The number of tokens of each batch row; positions past it are padding (zeros).
  const std::vector<std::size_t>& lengths() const noexcept { return lengths_; }

 private:
  Tensor logits_;
  ActivationCache cache_;
  std::vector<std::size_t> lengths_;
};

/// One of many runs.
struct RunRequest {
  std::vector<TokenId> tokens;
  HookSpec hooks = {};
  LogitRows logits = LogitRows::kLast;
};

struct RunManyOptions {
  /// Rows (positions) that go through a layer together; more take more memory. Never changes a
  /// result.
  std::size_t rows_per_pass = 1024;
};

struct GenerateOptions {
  std::size_t max_new_tokens = 64;
  float temperature = 0.0F;  ///< 0: greedy; the first of equal maxima wins
  std::size_t top_k = 0;     ///< 0: all
  float top_p = 1.0F;
  std::uint64_t seed = 0;  ///< each row draws from its own stream of the seed
  bool stop_at_eos = true;
  bool recompute = false;  ///< no KV cache: run the whole sequence at each step
  std::function<void(std::size_t row, TokenId id)> on_token = {};  ///< as each token is chosen
};

/// Whether a checkpoint can be run, from its config and its tensors' names and shapes alone.
struct Compatibility {
  std::string model_type;  ///< as the file says it
  bool is_known_family = false;
  /// What stands in the way, each with the nearest that was found; empty: nothing does.
  std::vector<std::string> issues = {};
};

struct WeightInfo {
  std::string name;         ///< Hugging Face's name, also for GGUF
  std::string stored_name;  ///< the name in the file
  DType dtype;
  std::vector<std::size_t> shape;
};

class Model {
 public:
  /// `source`: a folder with `config.json`; a `.gguf` file; a hub id `org/name` in the local hub
  /// cache. cost: maps the files and reads their headers; weights are read when a run touches them.
  /// throws IoError, FormatError, UnsupportedError (a field or tensor that this version does not
  /// understand).
  static Model load(const std::filesystem::path& source, const Runtime& runtime,
                    LoadOptions options = {});

  /// Tells what `load` would say, issue by issue. cost: reads headers, no weights. throws IoError
  /// or FormatError if the files cannot be read at all.
  static Compatibility check(const std::filesystem::path& source, LoadOptions options = {});

  const ModelConfig& config() const noexcept;
  /// throws UnsupportedError if the checkpoint has no tokenizer.
  const Tokenizer& tokenizer() const;
  bool has_tokenizer() const noexcept;
  /// The checkpoint's chat template, read at the first call; nullopt if it has none.
  /// throws what ChatTemplate::load throws.
  const std::optional<ChatTemplate>& chat_template() const;
  const Runtime& runtime() const noexcept;
  const std::string& name() const noexcept;
  std::vector<HookPoint> hook_points() const;

  /// One sequence: results have batch 1.
  RunResult run(std::span<const TokenId> tokens, const HookSpec& hooks = {},
                RunOptions options = {}) const;
  /// Several sequences, of any lengths. Each row's numbers are those of running it alone.
  RunResult run(const std::vector<std::vector<TokenId>>& batch, const HookSpec& hooks = {},
                RunOptions options = {}) const;

  /// Many runs that share their work: of requests with the same tokens, everything before the first
  /// layer and position that a request's edits reach is computed once, and the rest of all of them
  /// goes through each layer together. The numbers are those of `run`, bit for bit; results have
  /// batch 1.
  ///
  /// cost: of a request with an edit at layer l and position p, the rows from p on in the layers
  /// from l on (a user function sees whole arrays: all rows). Throws what `run` would, before any
  /// work is done, naming the request.
  std::vector<RunResult> run_many(std::span<const RunRequest> requests,
                                  RunManyOptions options = {}) const;
  /// The same, each result handed over as it is done, in no particular order. What was handed over
  /// before an interrupt is complete.
  void run_many(std::span<const RunRequest> requests,
                const std::function<void(std::size_t index, RunResult result)>& on_result,
                RunManyOptions options = {}) const;

  /// Continue each sequence. returns prompt and new tokens of each row (an end token that stops a
  /// row is included). Edits apply at every step. With the KV cache a step computes only new
  /// positions, so an edit at an absolute position fires when that position is computed, and one at
  /// -1 fires at the position that is last at that step; `recompute` applies every edit to the
  /// whole sequence at each step.
  std::vector<std::vector<TokenId>> generate(const std::vector<std::vector<TokenId>>& batch,
                                             const HookSpec& hooks = {},
                                             GenerateOptions options = {}) const;

  /// Residual vectors [n, d_model] through the final norm, W_U and the final soft cap: [n, d_vocab]
  /// logits.
  Tensor unembed(TensorView<const float, 2> resid) const;

  std::vector<WeightInfo> weights() const;
  /// A weight as f32, in TransformerLens's shape: "W_E" [d_vocab, d_model], "W_U" [d_model,
  /// d_vocab], "W_Q" [n_heads, d_model, d_head], "W_K" and "W_V" [n_kv_heads, d_model, d_head],
  /// "W_O" [n_heads, d_head, d_model], "W_gate" and "W_in" [d_model, d_mlp], "W_out" [d_mlp,
  /// d_model], "b_Q" ..., norm weights "ln1.w" ...; or a Hugging Face tensor name, in its stored
  /// shape. `layer` is -1 for the weights outside blocks.
  Tensor weight(std::string_view name, int layer = -1) const;
  std::uint64_t parameter_count() const noexcept;
  std::uint64_t mapped_bytes() const noexcept;

  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl);
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace cutaway
