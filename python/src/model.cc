// Load, run, generate, weights.
#include <cutaway/error.h>
#include <cutaway/model.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"

namespace cutaway::python {
namespace {

using Batch = std::vector<std::vector<TokenId>>;

constexpr const char* kConfigFields[] = {"model_type",
                                         "n_layers",
                                         "d_model",
                                         "n_heads",
                                         "n_kv_heads",
                                         "d_head",
                                         "d_mlp",
                                         "d_vocab",
                                         "n_ctx",
                                         "norm_eps",
                                         "act",
                                         "norm_adds_one",
                                         "has_post_norms",
                                         "has_qk_norm",
                                         "qkv_bias",
                                         "norm",
                                         "norm_bias",
                                         "has_pre_norms",
                                         "has_shared_norm",
                                         "is_parallel",
                                         "qk_norm",
                                         "is_gated",
                                         "unembed_bias",
                                         "has_learned_positions",
                                         "attn_scale_by_layer",
                                         "residual_scale",
                                         "logit_scale",
                                         "rotary_dims",
                                         "n_experts",
                                         "experts_per_token",
                                         "d_expert",
                                         "d_shared_expert",
                                         "sparse_layers",
                                         "o_bias",
                                         "mlp_bias",
                                         "tied_embeddings",
                                         "embed_scale",
                                         "attn_scale",
                                         "attn_softcap",
                                         "final_softcap",
                                         "rope_theta",
                                         "rope_scaling",
                                         "rope_theta_local",
                                         "windows",
                                         "bos_id",
                                         "eos_ids"};

void bind_config(nb::module_& m) {
  nb::class_<ModelConfig>(m, "Config", "Sizes and architecture of a model.")
      .def_ro("model_type", &ModelConfig::model_type, "The family: 'llama', 'qwen2', 'gemma2' ...")
      .def_ro("n_layers", &ModelConfig::n_layers, "Blocks.")
      .def_ro("d_model", &ModelConfig::d_model, "Width of the residual stream.")
      .def_ro("n_heads", &ModelConfig::n_heads, "Query heads of a layer.")
      .def_ro("n_kv_heads", &ModelConfig::n_kv_heads,
              "Key and value heads of a layer; fewer than n_heads if heads share them.")
      .def_ro("d_head", &ModelConfig::d_head, "Width of a head.")
      .def_ro("d_mlp", &ModelConfig::d_mlp, "Width of the MLP.")
      .def_ro("d_vocab", &ModelConfig::d_vocab, "Token ids.")
      .def_ro("n_ctx", &ModelConfig::n_ctx, "Longest sequence.")
      .def_ro("norm_eps", &ModelConfig::norm_eps, "Added to the mean square in a norm.")
      .def_prop_ro(
          "act", [](const ModelConfig& c) { return std::string(act_name(c.act)); },
          "'silu', 'gelu', 'gelu_tanh', 'relu'.")
      .def_ro("is_gated", &ModelConfig::is_gated, "Whether the MLP has a gate.")
      .def_prop_ro(
          "norm", [](const ModelConfig& c) { return std::string(norm_name(c.norm)); },
          "'rms' or 'layer'.")
      .def_ro("norm_bias", &ModelConfig::norm_bias, "Whether the norms have biases.")
      .def_ro("has_pre_norms", &ModelConfig::has_pre_norms, "Norms before attention and MLP.")
      .def_ro("has_shared_norm", &ModelConfig::has_shared_norm,
              "Whether attention and MLP read one norm.")
      .def_ro("is_parallel", &ModelConfig::is_parallel,
              "Whether attention and MLP read the same residual stream.")
      .def_ro("has_learned_positions", &ModelConfig::has_learned_positions,
              "Whether positions have embeddings of their own.")
      .def_ro("norm_adds_one", &ModelConfig::norm_adds_one,
              "Whether the norms multiply by 1 + weight (Gemma's files).")
      .def_ro("has_post_norms", &ModelConfig::has_post_norms,
              "Norms after attention and MLP, before the residual add.")
      .def_prop_ro(
          "has_qk_norm", [](const ModelConfig& c) { return c.qk_norm != QkNorm::kNone; },
          "Norms of q and k before the rotation.")
      .def_prop_ro(
          "qk_norm", [](const ModelConfig& c) { return std::string(qk_norm_name(c.qk_norm)); },
          "'none', 'head', 'all_heads', 'head_layer'.")
      .def_ro("qkv_bias", &ModelConfig::qkv_bias, "Whether q, k and v have biases.")
      .def_ro("o_bias", &ModelConfig::o_bias, "Whether attention's output has a bias.")
      .def_ro("mlp_bias", &ModelConfig::mlp_bias, "Whether the MLP has biases.")
      .def_ro("unembed_bias", &ModelConfig::unembed_bias, "Whether the logits have a bias.")
      .def_ro("tied_embeddings", &ModelConfig::tied_embeddings, "Whether W_U is W_E transposed.")
      .def_ro("embed_scale", &ModelConfig::embed_scale, "Multiplies the embeddings.")
      .def_ro("attn_scale", &ModelConfig::attn_scale, "Multiplies q·k.")
      .def_ro("attn_scale_by_layer", &ModelConfig::attn_scale_by_layer,
              "Whether that is divided by 1 + layer.")
      .def_ro("residual_scale", &ModelConfig::residual_scale,
              "Multiplies what attention and MLP add.")
      .def_ro("logit_scale", &ModelConfig::logit_scale, "Multiplies the logits.")
      .def_ro("attn_softcap", &ModelConfig::attn_softcap, "0: none.")
      .def_ro("final_softcap", &ModelConfig::final_softcap, "0: none.")
      .def_prop_ro(
          "rope_theta", [](const ModelConfig& c) { return c.rope.theta; },
          "Base of the rotary angles.")
      .def_prop_ro(
          "rope_scaling",
          [](const ModelConfig& c) { return std::string(rope_scaling_name(c.rope.scaling)); },
          "'none', 'linear', 'llama3', 'dynamic', 'yarn' or 'longrope'.")
      .def_prop_ro(
          "rotary_dims", [](const ModelConfig& c) { return c.rope.dims; },
          "Dimensions of a head that are rotated; 0: none.")
      .def_prop_ro(
          "n_experts", [](const ModelConfig& c) { return c.moe.n_experts; }, "0: no mixture.")
      .def_prop_ro(
          "experts_per_token", [](const ModelConfig& c) { return c.moe.experts_per_token; },
          "Experts that a position uses.")
      .def_prop_ro(
          "d_expert", [](const ModelConfig& c) { return c.moe.d_expert; }, "Width of an expert.")
      .def_prop_ro(
          "d_shared_expert", [](const ModelConfig& c) { return c.moe.d_shared_expert; },
          "Width of the expert that every position uses; 0: none.")
      .def_prop_ro(
          "sparse_layers",
          [](const ModelConfig& c) { return nb::tuple(nb::cast(c.moe.sparse_layers)); },
          nb::sig("def sparse_layers(self) -> tuple[bool, ...]"),
          "One a layer: whether its MLP is a mixture of experts; empty without experts.")
      .def_prop_ro(
          "rope_theta_local", [](const ModelConfig& c) { return c.rope_local.theta; },
          "Of the layers with a window.")
      .def_prop_ro(
          "windows", [](const ModelConfig& c) { return nb::tuple(nb::cast(c.windows)); },
          nb::sig("def windows(self) -> tuple[int, ...]"),
          "One a layer: keys that a query sees, itself included; 0 = all.")
      .def_ro("bos_id", &ModelConfig::bos_id, "Id that begins a text, or None.")
      .def_prop_ro(
          "eos_ids", [](const ModelConfig& c) { return nb::tuple(nb::cast(c.eos_ids)); },
          nb::sig("def eos_ids(self) -> tuple[int, ...]"), "Ids that end a text.")
      .def(
          "to_dict",
          [](nb::handle self) {
            nb::dict out;
            for (const char* field : kConfigFields) out[field] = self.attr(field);
            return out;
          },
          nb::sig("def to_dict(self) -> dict[str, typing.Any]"), "Every field by name.")
      .def("__repr__", [](nb::handle self) {
        std::string out = "Config(";
        for (const char* field : kConfigFields) {
          if (out.back() != '(') out += ", ";
          out += field;
          out += "=" + nb::cast<std::string>(nb::repr(self.attr(field)));
        }
        return out + ")";
      });
}

// Lets Python's signal handlers run while C++ works without the GIL. Only the main thread runs
// handlers, and taking the GIL can cost another thread's whole switch interval (5 ms), so polls are
// spaced: 50 ms keeps Ctrl-C well under 200 ms.
class SignalPoll {
 public:
  explicit SignalPoll(unsigned long main_thread)
      : main_thread_(main_thread), next_(std::make_shared<std::atomic<std::int64_t>>(0)) {}

  bool operator()() const {
    using Clock = std::chrono::steady_clock;
    if (PyThread_get_thread_ident() != main_thread_) return false;
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
            .count();
    if (now < next_->load(std::memory_order_relaxed)) return false;
    next_->store(now + 50, std::memory_order_relaxed);
    nb::gil_scoped_acquire gil;
    // A handler may raise anything, not only KeyboardInterrupt: its own exception travels on.
    if (PyErr_CheckSignals() != 0) nb::raise_python_error();
    return false;
  }

 private:
  unsigned long main_thread_;
  std::shared_ptr<std::atomic<std::int64_t>> next_;
};

Runtime make_runtime(int threads, std::uint64_t memory_limit, const nb::object& progress) {
  const nb::object main = nb::module_::import_("threading").attr("main_thread")();
  RuntimeOptions options;
  options.threads = threads;
  options.memory_limit = memory_limit;
  options.should_stop = SignalPoll(nb::cast<unsigned long>(main.attr("ident")));
  if (!progress.is_none()) {
    options.on_progress = [callback = Callback(progress)](const Progress& p) {
      nb::gil_scoped_acquire gil;
      callback.get()(std::string(p.what), p.done, p.total);
    };
  }
  nb::gil_scoped_release release;  // starting threads
  return Runtime(std::move(options));
}

Model load(const nb::bytes& path, int threads, const nb::object& progress,
           std::vector<std::string> ignore_config, bool use_mmap, std::uint64_t memory_limit) {
  const std::string source = path_from(path);
  const Runtime runtime = make_runtime(threads, memory_limit, progress);
  nb::gil_scoped_release release;
  LoadOptions options;
  options.ignore_config = std::move(ignore_config);
  options.use_mmap = use_mmap;
  return Model::load(source, runtime, std::move(options));
}

HookSpec make_spec(const nb::list& captures, const nb::list& edits) {
  HookSpec spec;
  for (nb::handle item : captures) {
    const bool before = nb::cast<bool>(item[1]);
    spec.capture(nb::cast<std::string>(item[0]), before ? When::kBefore : When::kAfter);
  }
  for (nb::handle item : edits) spec.edit(nb::cast<const Edit&>(item));
  return spec;
}

// The result is ours and not const, so its tensors may be moved from: each array then owns its own
// memory, and keeping one activation does not keep the logits.
FloatArray take(const Tensor& tensor) { return to_numpy(std::move(const_cast<Tensor&>(tensor))); }

nb::tuple run(const Model& model, const Batch& batch, const nb::list& captures,
              const nb::list& edits, LogitRows rows) {
  const HookSpec spec = make_spec(captures, edits);
  RunResult result = [&] {
    nb::gil_scoped_release release;
    return model.run(batch, spec, {.logits = rows});
  }();
  nb::dict arrays;
  for (const auto& [point, when] : result.cache().keys()) {
    const std::string name = ActivationCache::key_name(point, when);
    arrays[name.c_str()] = nb::cast(take(result.cache().at(point, when)));
  }
  nb::object logits = nb::none();
  if (rows != LogitRows::kNone) logits = nb::cast(take(result.logits()));
  return nb::make_tuple(logits, arrays, nb::cast(result.lengths()));
}

Batch generate(const Model& model, const Batch& batch, const nb::list& edits, std::size_t max_new,
               float temperature, std::size_t top_k, float top_p, std::uint64_t seed,
               bool stop_at_eos, bool recompute, const nb::object& on_token) {
  const HookSpec spec = make_spec(nb::list(), edits);
  GenerateOptions options{.max_new_tokens = max_new,
                          .temperature = temperature,
                          .top_k = top_k,
                          .top_p = top_p,
                          .seed = seed,
                          .stop_at_eos = stop_at_eos,
                          .recompute = recompute,
                          .on_token = {}};
  if (!on_token.is_none()) {
    options.on_token = [callback = Callback(on_token)](std::size_t row, TokenId id) {
      nb::gil_scoped_acquire gil;
      callback.get()(row, id);
    };
  }
  nb::gil_scoped_release release;
  return model.generate(batch, spec, std::move(options));
}

FloatArray weight(const Model& model, const std::string& name, int layer) {
  Tensor tensor;
  {
    nb::gil_scoped_release release;
    tensor = model.weight(name, layer);
  }
  return to_numpy(std::move(tensor));
}

FloatArray unembed(const Model& model, const FloatInput& resid) {
  const Tensor input = to_tensor(resid);
  Tensor logits;
  {
    nb::gil_scoped_release release;
    logits = model.unembed(input.view<2>());
  }
  return to_numpy(std::move(logits));
}

std::vector<BoundHookPoint> hook_points(const Model& model) {
  std::vector<BoundHookPoint> out;
  const HookDims dims = model.config().hook_dims();
  for (const HookPoint& point : model.hook_points()) out.push_back({point, dims});
  return out;
}

}  // namespace

void bind_model(nb::module_& m) {
  bind_config(m);
  nb::enum_<LogitRows>(m, "LogitRows")
      .value("all", LogitRows::kAll)
      .value("last", LogitRows::kLast)
      .value("none", LogitRows::kNone);
  nb::class_<WeightInfo>(m, "WeightInfo", "A tensor of the checkpoint.")
      .def_ro("name", &WeightInfo::name, "Hugging Face's name, also for GGUF.")
      .def_ro("stored_name", &WeightInfo::stored_name, "The name in the file.")
      .def_prop_ro(
          "dtype", [](const WeightInfo& w) { return std::string(dtype_info(w.dtype).name); },
          "Storage type: 'f32', 'bf16', 'q4_k' ...")
      .def_prop_ro(
          "shape", [](const WeightInfo& w) { return nb::tuple(nb::cast(w.shape)); },
          nb::sig("def shape(self) -> tuple[int, ...]"), "Stored shape.")
      .def("__repr__", [](const WeightInfo& w) {
        return "WeightInfo('" + w.name + "', " + std::string(dtype_info(w.dtype).name) + ", " +
               shape_string(w.shape) + ")";
      });
  nb::class_<Model>(m, "Model")
      .def_static("load", &load, nb::arg("path"), nb::arg("threads"), nb::arg("progress").none(),
                  nb::arg("ignore_config"), nb::arg("use_mmap"), nb::arg("memory_limit"))
      .def_prop_ro("config", [](const Model& model) { return model.config(); })
      .def_prop_ro("name", [](const Model& model) { return model.name(); })
      .def_prop_ro("threads", [](const Model& model) { return model.runtime().threads(); })
      .def_prop_ro("has_tokenizer", &Model::has_tokenizer)
      .def_prop_ro("tokenizer", [](const Model& model) { return model.tokenizer(); })
      .def_prop_ro("chat_template",
                   [](const Model& model) {
                     nb::gil_scoped_release release;
                     return model.chat_template();
                   })
      .def_prop_ro("parameter_count", &Model::parameter_count)
      .def_prop_ro("mapped_bytes", &Model::mapped_bytes)
      .def("hook_points", &hook_points)
      .def("run", &run,
           nb::sig(
               "def run(self, batch: Sequence[Sequence[int]], captures: list[tuple[str, bool]], "
               "edits: list[Edit], logits: LogitRows, /) -> tuple[NDArray[numpy.float32] | None, "
               "dict[str, NDArray[numpy.float32]], list[int]]"))
      .def("generate", &generate, nb::arg("batch"), nb::arg("edits"), nb::arg("max_new_tokens"),
           nb::arg("temperature"), nb::arg("top_k"), nb::arg("top_p"), nb::arg("seed"),
           nb::arg("stop_at_eos"), nb::arg("recompute"), nb::arg("on_token").none(),
           nb::sig("def generate(self, batch: Sequence[Sequence[int]], edits: list[Edit], "
                   "max_new_tokens: int, temperature: float, top_k: int, top_p: float, seed: int, "
                   "stop_at_eos: bool, recompute: bool, on_token: object | None) -> "
                   "list[list[int]]"))
      .def("weight", &weight)
      .def("weights", &Model::weights)
      .def("unembed", &unembed);
}

}  // namespace cutaway::python
