// One pass over packed rows of some sequences: the order of the forward pass, one method a part.
// Rows of all sequences are packed; attention alone knows where one ends.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <cutaway/model.h>

#include "hooks/plan.h"
#include "kernels/device.h"
#include "model/kv_store.h"
#include "model/memory.h"
#include "model/model_impl.h"
#include "model/rope.h"

namespace cutaway {

/// y = normed x · gain + bias, without hooks.
void apply_norm(Device& device, Norm kind, const NormWeights& w, float eps,
                TensorView<const float, 2> x, TensorView<float, 2> y);
/// W_U, its bias, the logits' scale and the final soft cap.
void apply_unembed(const Model::Impl& model, TensorView<const float, 2> x,
                   TensorView<float, 2> logits, WeightMemory memory);

/// A sequence that joins a pass at a layer, with what a clean run of its tokens left there.
struct Joining {
  int layer = 0;                    ///< 0: begins with its embedding
  const float* resid = nullptr;     ///< [count, d_model], the stream that enters that layer
  const KvStore* before = nullptr;  ///< keys and values of the positions before, every layer
};

class Pass {
 public:
  /// `tokens`: the new tokens of each sequence. `joining`: one a sequence in ascending layers, with
  /// one run of `hooks` each; empty: all begin at the embedding.
  Pass(const Model::Impl& model, std::span<const std::span<const TokenId>> tokens,
       std::span<KvStore> stores, PassRows rows, HookRuns hooks, WeightMemory memory,
       std::vector<Joining> joining = {});
  Tensor run(LogitRows want);

 private:
  using Rows = TensorView<float, 2>;
  struct NormSites {
    Site scale, normalized;
  };

  // forward.cc
  void embed(Rows resid);
  void join(int layer);
  void block(int layer, Rows resid);
  /// With `groups`, every row holds that many vectors, each normed by itself. x and y may be the
  /// same. Phase by phase where a hook looks, with the same bits.
  void norm(Norm kind, const NormWeights& w, Rows x, Rows y, int layer, NormSites sites,
            std::size_t groups = 1);
  Tensor unembed(Rows resid, LogitRows want);
  Tensor take_logits(Rows logits, LogitRows want, bool already_last);
  /// Weights with NaN, or numbers past f32's range, are found here rather than handed out. With
  /// edits, whatever they make is the caller's.
  void check_finite(Rows x);

  // pass_attention.cc
  void attention(const Block& w, int layer, Rows x, Rows out);
  void project_qkv(const Block& w, Rows x, Rows q, Rows k, Rows v);
  void qk_norms(const Block& w, int layer, Rows q, Rows k);
  void rotate(Rows x, std::size_t heads, const RopeTables& tables);
  void store_keys_and_values(int layer, Rows k, Rows v);
  void attend(int layer, std::size_t window, Rows q, Rows z);
  void results(const Block& w, int layer, Rows z, Rows out);

  // pass_mlp.cc
  struct MlpSites {
    Site pre, pre_linear, post;
    int expert = -1;
  };
  void mlp(const Block& w, int layer, Rows x, Rows out);
  void neurons(const MlpWeights& w, Rows x, std::size_t width, int layer, const MlpSites& sites,
               std::span<const std::size_t> rows_of_x, Rows out);
  void mixture(const Block& w, int layer, Rows x, Rows out);
  Rows route(const Block& w, int layer, Rows x);
  void shared_expert(const Block& w, int layer, Rows x, Rows out);
  void visit_some(Site site, int layer, int expert, std::span<const std::size_t> rows_of_x,
                  Rows some);

  // One call a site: capture and intervention live in HookRun.
  void visit(Site site, int layer, Rows x, int expert = -1) {
    if (!hooks_.wants(site, layer, expert)) return;
    hooks_.visit(site, layer, device_.map(x), expert);
    device_.unmap(x, true);
  }
  void visit_edges(Site site, int layer, std::span<const TensorView<float, 3>> edges);

  /// A buffer of the pass by name, made on first use: [total rows, width].
  Rows rows(std::string_view name, std::size_t width);
  static Rows slice_rows(Rows x, std::size_t first, std::size_t count) {
    return {x.data() + first * x.stride(0), {count, x.extent(1)}, x.strides()};
  }
  std::size_t sequences() const noexcept { return active_; }
  const KvStore& store(std::size_t b) const { return stores_[rows_[b].sequence]; }
  Rows slice(Rows x, std::size_t b) const {
    return slice_rows(x, rows_[b].first_row, rows_[b].count);
  }
  static Rows split(Rows x, std::size_t parts) {
    return {x.data(), {x.extent(0) * parts, x.extent(1) / parts}};
  }
  static TensorView<float, 3> by_head(Rows x, std::size_t heads) {
    return {x.data(), {x.extent(0), heads, x.extent(1) / heads}};
  }

  const Model::Impl& model_;
  const ModelConfig& config_;
  Device& device_;
  std::span<KvStore> stores_;
  PassRows rows_;
  HookRuns hooks_;
  WeightMemory memory_;
  std::vector<Joining> joining_;
  std::size_t active_;    ///< sequences that have joined: the first ones
  std::size_t total_;     ///< rows of these
  std::size_t capacity_;  ///< rows of all
  std::vector<std::int32_t> ids_, positions_;
  RopeTables rope_, rope_local_;
  std::vector<std::pair<std::string_view, Buffer>> buffers_;
};

}  // namespace cutaway
