// The vocabulary of hooks: where (HookPoint), what (HookSpec), result (ActivationCache).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/tensor.h>

namespace cutaway {

/// Every kind of point in the forward pass, in the order in which a pass reaches them.
enum class Site : std::uint8_t {
  kEmbed,
  kPosEmbed,
  kResidPre,
  kLn1Scale,
  kLn1Normalized,
  kQ,
  kK,
  kV,
  kQNormScale,
  kQNormNormalized,
  kKNormScale,
  kKNormNormalized,
  kRotQ,
  kRotK,
  kScores,
  kAttnScores,
  kPattern,
  kZ,
  kResult,
  kAttnRawOut,
  kLn1PostScale,
  kLn1PostNormalized,
  kAttnOut,
  kResidMid,
  kLn2Scale,
  kLn2Normalized,
  kMlpIn,
  kMlpPre,
  kMlpPreLinear,
  kMlpPost,
  kRouterLogits,
  kExpertIndices,
  kExpertWeights,
  kExpertPre,
  kExpertPreLinear,
  kExpertPost,
  kSharedPre,
  kSharedPreLinear,
  kSharedPost,
  kSharedGate,
  kMlpRawOut,
  kLn2PostScale,
  kLn2PostNormalized,
  kMlpOut,
  kResidPost,
  kLnFinalScale,
  kLnFinalNormalized,
  kFinalNorm,
  kLogits,
};
inline constexpr std::size_t kSiteCount = static_cast<std::size_t>(Site::kLogits) + 1;

/// The sizes and optional parts of a model that decide which hook points exist and what shape they
/// have.
struct HookDims {
  int n_layers = 0;
  std::size_t d_model = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0, d_vocab = 0;
  bool has_learned_positions = false;
  bool has_rotary = true;
  bool has_pre_norms = true;     ///< norms before attention and MLP
  bool has_shared_norm = false;  ///< attention and MLP read one norm: no ln2
  bool is_parallel = false;      ///< attention and MLP read the same stream: no resid_mid
  bool has_post_norms = false;   ///< norms after attention and MLP
  bool has_qk_norm = false;
  bool qk_norm_is_per_head = true;  ///< false: one divisor for all heads of a position
  bool is_gated = true;
  std::size_t n_experts = 0, experts_per_token = 0, d_expert = 0, d_shared_expert = 0;
  std::vector<bool> sparse_layers = {};  ///< layers whose MLP is a mixture of experts; empty: none
  bool is_sparse(int layer) const {
    return !sparse_layers.empty() && sparse_layers[static_cast<std::size_t>(layer)];
  }
};

/// The meaning of an axis of a hooked array.
enum class Axis : std::uint8_t {
  kBatch,
  kPos,
  kQPos,
  kKPos,
  kHead,
  kKvHead,
  kQGroup,  ///< query heads, or 1 if the norm takes all of them together
  kKGroup,  ///< key heads, or 1
  kDModel,
  kDHead,
  kDMlp,
  kExpert,
  kSlot,  ///< the chosen experts of a position, best first
  kDExpert,
  kDShared,
  kDVocab,
  kOne
};

/// One row of the hook table: the single source of names, shapes and documentation.
struct SiteInfo {
  Site site;
  std::string_view suffix;  ///< "hook_resid_pre", "attn.hook_q": after "blocks.{i}." if per layer
  bool per_layer;
  bool per_expert;         ///< the suffix holds "{e}"
  std::vector<Axis> axes;  ///< batch first
  std::string_view doc;    ///< one sentence
};
const SiteInfo& site_info(Site site) noexcept;
std::string_view axis_name(Axis axis) noexcept;

/// One point of the forward pass. The string is its spelling (TransformerLens's names; aliases are
/// accepted).
class HookPoint {
 public:
  HookPoint(Site site, int layer);  ///< `layer` is -1 for the points outside blocks; throws
                                    ///< ArgumentError if it does not fit the site
  HookPoint(Site site, int layer, int expert);  ///< `expert` is -1 for all but per-expert points
  explicit HookPoint(Site site) : HookPoint(site, -1) {}
  /// throws UnknownNameError with the nearest names. Layers are not checked here, since the model
  /// is not known.
  static HookPoint parse(std::string_view name);

  static HookPoint resid_pre(int layer) { return {Site::kResidPre, layer}; }
  static HookPoint resid_mid(int layer) { return {Site::kResidMid, layer}; }
  static HookPoint resid_post(int layer) { return {Site::kResidPost, layer}; }
  static HookPoint attn_out(int layer) { return {Site::kAttnOut, layer}; }
  static HookPoint mlp_out(int layer) { return {Site::kMlpOut, layer}; }
  static HookPoint attn_scores(int layer) { return {Site::kAttnScores, layer}; }
  static HookPoint pattern(int layer) { return {Site::kPattern, layer}; }
  static HookPoint z(int layer) { return {Site::kZ, layer}; }
  static HookPoint logits() { return HookPoint(Site::kLogits); }

  Site site() const noexcept { return site_; }
  int layer() const noexcept { return layer_; }
  int expert() const noexcept { return expert_; }
  std::string name() const;
  auto operator<=>(const HookPoint&) const = default;

 private:
  int layer_;  // first, so that points sort by layer; global points order by site
  Site site_;
  int expert_ = -1;
};

/// Whether a model with these dimensions has the site in some layer.
bool site_exists(Site site, const HookDims& dims) noexcept;
/// Whether it has the point: layer and expert in range, and this layer has the part.
bool point_exists(HookPoint point, const HookDims& dims) noexcept;
/// Every hook point of a model, in the order of the forward pass.
std::vector<HookPoint> all_hook_points(const HookDims& dims);
/// The extents of an axis, or 0 for batch and positions, which depend on the input.
std::size_t axis_extent(Axis axis, const HookDims& dims) noexcept;

/// Which positions an edit touches. Default: all. Negative positions count from each sequence's own
/// end (-1 = last).
class Positions {
 public:
  Positions() = default;
  Positions(std::initializer_list<std::int64_t>
                list);  // NOLINT(google-explicit-constructor): `.pos = {-1}`
  explicit Positions(std::vector<std::int64_t> list);  ///< throws ArgumentError if empty
  static Positions all() { return {}; }
  /// Half-open; both ends may be negative or absent (Python's slice without a step).
  static Positions range(std::optional<std::int64_t> begin, std::optional<std::int64_t> end);
  /// "3", "-1", "2:5", "0,3,7", "all". throws ArgumentError.
  static Positions parse(std::string_view text);

  bool is_all() const noexcept { return kind_ == Kind::kAll; }
  /// The positions in a sequence of `length`, ascending in the order given. `what` names the
  /// argument in the error. throws ArgumentError if one lies outside the sequence.
  std::vector<std::size_t> resolve(std::size_t length, std::string_view what) const;
  /// Like `resolve`, but positions outside the sequence are left out: they belong to another step
  /// of a generation.
  std::vector<std::size_t> resolve_present(std::size_t length) const;
  std::string to_string() const;

 private:
  enum class Kind : std::uint8_t { kAll, kList, kRange };
  Kind kind_ = Kind::kAll;
  std::vector<std::int64_t> list_;
  std::optional<std::int64_t> begin_, end_;
};

enum class When : std::uint8_t {
  kAfter,   ///< after the edits at the site (the default)
  kBefore,  ///< the untouched value (candle-mi's convention)
};

enum class EditKind : std::uint8_t { kAdd, kReplace, kZero, kScale, kMean, kKnockout, kCall };
std::string_view edit_kind_name(EditKind kind) noexcept;

/// What a user function gets: the hooked array, all axes, to change in place. `lengths` are the
/// valid positions of each batch row.
struct EditContext {
  HookPoint point;
  std::size_t first_pos;  ///< absolute position of the array's first position (not 0 when decoding
                          ///< with a KV cache)
  std::span<const std::size_t> lengths;
};
using EditFn = std::function<void(Tensor& value, const EditContext& context)>;

struct EditOptions {
  Positions pos = {};  ///< query positions at attention scores and patterns
  std::optional<int> head =
      {};              ///< one head; a kv head at k, v and rot_k; an expert at the router's points
  float scale = 1.0F;  ///< factor of an added vector
};

/// One edit, as data. `where` is a hook name or a glob ("blocks.*.hook_attn_out"); a name that
/// matches nothing in the model is an error at run time.
struct Edit {
  EditKind kind;
  std::string where;
  Positions pos = {};
  Positions key = {};  ///< knockout only
  std::optional<int> head = {};
  float factor = 1.0F;  ///< scale: the factor; add: the factor of the vector
  std::shared_ptr<const Tensor> value = {};
  EditFn fn = {};
};

struct Capture {
  std::string where;
  When when = When::kAfter;
};

/// What to watch and what to change in a run. Reusable: a run never changes it.
///
/// Order at a site: edits in the order given, then capture. Values broadcast over the leading axes
/// that they lack: at a site of shape [batch, pos, ...rest] a value may be [...rest], [n, ...rest]
/// or [batch, n, ...rest], n being the number of positions selected; with `head` the head axis is
/// absent. At scores and patterns ([batch, head, q_pos, k_pos]) it may be [q, k], [head, q, k] or
/// [batch, head, q, k].
class HookSpec {
 public:
  HookSpec& capture(std::string_view where, When when = When::kAfter);
  HookSpec& capture(HookPoint point, When when = When::kAfter) {
    return capture(point.name(), when);
  }
  HookSpec& add(std::string_view where, Tensor value, EditOptions options = {});
  HookSpec& replace(std::string_view where, Tensor value, EditOptions options = {});
  HookSpec& zero(std::string_view where, EditOptions options = {});
  HookSpec& scale(std::string_view where, float factor, EditOptions options = {});
  /// Replace by the mean of `data` over all its axes before the site's own ([..., d_model] →
  /// [d_model]): mean ablation. With `head`, data is [batch, pos, head, ...] or has no head axis.
  HookSpec& mean(std::string_view where, Tensor data, EditOptions options = {});
  /// Cut attention edges: the scores after cap and mask become -inf, so the pattern is exactly 0. A
  /// row with every key cut attends to nothing (all zeros).
  HookSpec& knockout(int layer, Positions query, Positions key, std::optional<int> head = {});
  /// Keep an expert from being chosen: the router's score becomes -inf, so that the next best takes
  /// its place; a position with no expert left gets nothing from the mixture. (To remove an
  /// expert's part and leave the others as they are, zero its column of `mlp.hook_expert_weights`.)
  HookSpec& knockout_expert(int layer, int expert, Positions pos = {});
  HookSpec& call(std::string_view where, EditFn fn);
  HookSpec& edit(Edit edit);
  /// The other's captures and edits after this one's.
  HookSpec& extend(const HookSpec& other);

  bool empty() const noexcept { return captures_.empty() && edits_.empty(); }
  const std::vector<Capture>& captures() const noexcept { return captures_; }
  const std::vector<Edit>& edits() const noexcept { return edits_; }

 private:
  std::vector<Capture> captures_;
  std::vector<Edit> edits_;
};

/// Captured activations by hook point: f32, all axes, [batch, pos, ...]; positions past a row's own
/// length are 0.
class ActivationCache {
 public:
  bool contains(HookPoint point, When when = When::kAfter) const noexcept;
  /// throws UnknownNameError (naming what was captured) if the point was not.
  const Tensor& at(HookPoint point) const;
  const Tensor& at(HookPoint point, When when) const;
  const Tensor& at(std::string_view name) const;
  const Tensor* find(HookPoint point, When when) const noexcept;
  void store(HookPoint point, When when, Tensor value);
  std::size_t size() const noexcept { return values_.size(); }
  /// In the order of the forward pass.
  std::vector<std::pair<HookPoint, When>> keys() const;
  /// The name under which a file or a dictionary holds it: "NAME", or "NAME:before" for the
  /// untouched value.
  static std::string key_name(HookPoint point, When when);

 private:
  std::map<std::pair<HookPoint, When>, Tensor> values_;
};

}  // namespace cutaway
