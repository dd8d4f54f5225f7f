// Many runs over the same tokens: the clean part once, the rest together.
#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/forward.h"
#include "model/pass.h"
#include "model/reach.h"

namespace cutaway {
namespace {

using OnResult = std::function<void(std::size_t, RunResult)>;

/// A request made ready.
struct Variant {
  std::size_t index;
  const RunRequest* request;
  std::unique_ptr<HookPlan> plan;
  Reach reach;
};

/// The unedited run of a group's tokens, as far as its variants need it.
struct Clean {
  KvStore store;
  ActivationCache cache;
  Tensor logits;
};

HookPoint entering(int layer, int n_layers) {
  return layer < n_layers ? HookPoint::resid_pre(layer) : HookPoint::resid_post(layer - 1);
}

/// Where a value's positions lie: [batch, pos, ...], or [batch, head, q_pos, k_pos].
bool is_edge(HookPoint point) { return site_info(point.site()).axes[1] == Axis::kHead; }

/// The clean value with the positions from `pos` on replaced by the variant's.
Tensor merged(HookPoint point, const Tensor& clean, const Tensor& fresh, std::size_t pos) {
  Tensor out = clean;
  if (is_edge(point)) {
    const auto to = out.view<4>();
    const std::size_t keys = out.extent(3), queries = fresh.extent(2);
    for (std::size_t h = 0; h < out.extent(1); ++h) {
      for (std::size_t q = 0; q < queries; ++q) {
        std::copy_n(fresh.data() + (h * queries + q) * keys, keys,
                    &to(std::size_t{0}, h, pos + q, std::size_t{0}));
      }
    }
  } else {
    const std::size_t width = out.size() / out.extent(1);
    std::copy_n(fresh.data(), fresh.size(), out.data() + pos * width);
  }
  return out;
}

class Group {
 public:
  Group(const Model::Impl& model, std::vector<Variant> variants, std::size_t rows_per_pass)
      : m_(model),
        tokens_(variants.front().request->tokens),
        variants_(std::move(variants)),
        rows_per_pass_(rows_per_pass) {
    // By the layer where they join; those without an edit last.
    std::ranges::stable_sort(variants_, {}, [&](const Variant& v) {
      return std::pair(v.reach.pos == length(), v.reach.layer);
    });
  }

  void run(const OnResult& on_result) {
    make_clean();
    std::size_t begin = 0;
    while (begin < variants_.size() && variants_[begin].reach.pos < length()) {
      std::size_t end = begin, rows = 0;
      while (end < variants_.size() && variants_[end].reach.pos < length() &&
             (end == begin || rows + rows_of(variants_[end]) <= rows_per_pass_)) {
        rows += rows_of(variants_[end]);
        ++end;
      }
      run_together(begin, end, on_result);
      begin = end;
    }
    for (; begin < variants_.size(); ++begin) finish_unedited(variants_[begin], on_result);
  }

 private:
  std::size_t length() const { return tokens_.size(); }
  std::size_t rows_of(const Variant& v) const { return length() - v.reach.pos; }

  void make_clean() {
    HookSpec spec;
    LogitRows want = LogitRows::kNone;
    for (const Variant& v : variants_) {
      if (v.reach.layer > 0) spec.capture(entering(v.reach.layer, m_.config.n_layers));
      for (HookPoint point : v.plan->points()) {
        const PointPlan& at = *v.plan->find(point.site(), point.layer(), point.expert());
        if (at.capture_before || at.capture_after) spec.capture(point);
      }
      const bool has_clean_rows = v.reach.pos > 0;
      if (v.request->logits == LogitRows::kAll && has_clean_rows) want = LogitRows::kAll;
      if (v.request->logits == LogitRows::kLast && v.reach.pos == length() &&
          want == LogitRows::kNone)
        want = LogitRows::kLast;
    }
    const std::vector<std::size_t> lengths{length()};
    const HookPlan plan(spec, m_.config.hook_dims(), lengths, 0);
    const auto layers = static_cast<std::size_t>(m_.config.n_layers);
    memory_ = check_memory(m_, memory_use(m_, lengths, 0, layers, plan, want));
    clean_.emplace(Clean{
        KvStore(*m_.device, layers, m_.config.n_kv_heads, m_.config.d_head, length()), {}, {}});
    const std::span<const TokenId> all(tokens_);
    clean_->logits =
        forward(m_, {&all, 1}, {&clean_->store, 1}, plan, clean_->cache, want, memory_);
    if (want == LogitRows::kAll) return;
    if (want == LogitRows::kLast) clean_->logits.reshape({1, m_.config.d_vocab});
  }

  void run_together(std::size_t begin, std::size_t end, const OnResult& on_result) {
    const std::size_t count = end - begin;
    std::vector<std::span<const TokenId>> fresh;
    std::vector<KvStore> stores;
    std::vector<ActivationCache> caches(count);
    std::vector<Joining> joining;
    HookRuns hooks;
    bool all_rows = false;
    for (std::size_t i = 0; i < count; ++i) {
      const Variant& v = variants_[begin + i];
      fresh.push_back(std::span<const TokenId>(tokens_).subspan(v.reach.pos));
      stores.emplace_back(*m_.device, 1, m_.config.n_kv_heads, m_.config.d_head, length());
      stores.back().length = v.reach.pos;
      Joining j{.layer = v.reach.layer, .resid = nullptr, .before = &clean_->store};
      if (j.layer > 0) {
        const Tensor& resid = clean_->cache.at(entering(j.layer, m_.config.n_layers));
        j.resid = resid.data() + v.reach.pos * m_.config.d_model;
      }
      joining.push_back(j);
      all_rows = all_rows || v.request->logits == LogitRows::kAll;
    }
    const PassRows rows = pass_rows(fresh, stores);
    for (std::size_t i = 0; i < count; ++i) {
      SequenceRows own = rows[i];
      own.sequence = 0;  // the plan knows one sequence
      hooks.add(*variants_[begin + i].plan, {own}, i, caches[i]);
    }
    const LogitRows want = all_rows ? LogitRows::kAll : LogitRows::kLast;
    const Tensor logits =
        Pass(m_, fresh, stores, rows, std::move(hooks), memory_, std::move(joining)).run(want);
    for (std::size_t i = 0; i < count; ++i) {
      const Variant& v = variants_[begin + i];
      const std::size_t first = all_rows ? rows[i].first_row : i;
      const std::size_t n = all_rows ? rows[i].count : 1;
      finish(v, logits.data() + first * m_.config.d_vocab, n, caches[i], on_result);
    }
  }

  /// `rows`: the logits of the variant's last `count` positions.
  void finish(const Variant& v, const float* rows, std::size_t count, ActivationCache& cache,
              const OnResult& on_result) {
    const std::size_t d_vocab = m_.config.d_vocab;
    Tensor logits({1, 0, d_vocab});
    if (v.request->logits == LogitRows::kLast) {
      logits = Tensor({1, 1, d_vocab},
                      std::vector<float>(rows + (count - 1) * d_vocab, rows + count * d_vocab));
    } else if (v.request->logits == LogitRows::kAll) {
      logits = Tensor::uninitialized({1, length(), d_vocab});
      if (v.reach.pos > 0) std::copy_n(clean_->logits.data(), v.reach.pos * d_vocab, logits.data());
      std::copy_n(rows, count * d_vocab, logits.data() + v.reach.pos * d_vocab);
    }
    on_result(v.index, RunResult(std::move(logits), captures(v, cache), {length()}));
  }

  void finish_unedited(const Variant& v, const OnResult& on_result) {
    const std::size_t d_vocab = m_.config.d_vocab;
    Tensor logits({1, 0, d_vocab});
    if (v.request->logits != LogitRows::kNone) {
      const std::size_t n = v.request->logits == LogitRows::kAll ? length() : 1;
      const float* last = clean_->logits.data() + clean_->logits.size() - n * d_vocab;
      logits = Tensor({1, n, d_vocab}, std::vector<float>(last, last + n * d_vocab));
    }
    ActivationCache none;
    on_result(v.index, RunResult(std::move(logits), captures(v, none), {length()}));
  }

  ActivationCache captures(const Variant& v, const ActivationCache& fresh) const {
    ActivationCache out;
    for (HookPoint point : v.plan->points()) {
      const PointPlan& at = *v.plan->find(point.site(), point.layer(), point.expert());
      for (When when : {When::kBefore, When::kAfter}) {
        if (!(when == When::kBefore ? at.capture_before : at.capture_after)) continue;
        const Tensor& clean = clean_->cache.at(point);
        const Tensor* own = is_reached(point, v.reach) ? fresh.find(point, when) : nullptr;
        out.store(point, when, own == nullptr ? clean : merged(point, clean, *own, v.reach.pos));
      }
    }
    return out;
  }

  const Model::Impl& m_;
  const std::vector<TokenId>& tokens_;
  std::vector<Variant> variants_;
  std::size_t rows_per_pass_;
  std::optional<Clean> clean_;
  WeightMemory memory_ = WeightMemory::kKept;
};

std::vector<Group> groups_of(const Model::Impl& m, std::span<const RunRequest> requests,
                             std::size_t rows_per_pass) {
  std::map<std::vector<TokenId>, std::vector<Variant>> by_tokens;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const RunRequest& request = requests[i];
    try {
      check_tokens(m, {request.tokens});
      const std::vector<std::size_t> lengths{request.tokens.size()};
      auto plan = std::make_unique<HookPlan>(request.hooks, m.config.hook_dims(), lengths, 0);
      const Reach reach = reach_of(*plan, request.tokens.size());
      by_tokens[request.tokens].push_back({i, &request, std::move(plan), reach});
    } catch (const UnknownNameError& e) {
      throw UnknownNameError(fmt::format("request {}", i), e.what(), e.suggestions());
    } catch (const ShapeError& e) {
      throw ShapeError(fmt::format("request {}", i), e.what());
    } catch (const ArgumentError& e) {
      throw ArgumentError(fmt::format("request {}", i), e.what());
    }
  }
  std::vector<Group> out;
  for (auto& [tokens, variants] : by_tokens)
    out.emplace_back(m, std::move(variants), rows_per_pass);
  return out;
}

}  // namespace

void Model::run_many(std::span<const RunRequest> requests, const OnResult& on_result,
                     RunManyOptions options) const {
  if (options.rows_per_pass == 0) throw ArgumentError("rows_per_pass", "0, expected at least 1");
  std::size_t done = 0;
  const auto counted = [&](std::size_t index, RunResult result) {
    on_result(index, std::move(result));
    impl_->runtime.report("run", ++done, requests.size());
  };
  for (Group& group : groups_of(*impl_, requests, options.rows_per_pass)) group.run(counted);
}

std::vector<RunResult> Model::run_many(std::span<const RunRequest> requests,
                                       RunManyOptions options) const {
  std::vector<std::optional<RunResult>> slots(requests.size());
  run_many(
      requests,
      [&](std::size_t index, RunResult result) { slots[index].emplace(std::move(result)); },
      options);
  std::vector<RunResult> out;
  out.reserve(slots.size());
  for (auto& slot : slots) out.push_back(*std::move(slot));
  return out;
}

}  // namespace cutaway
