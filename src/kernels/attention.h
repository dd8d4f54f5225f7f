// Causal attention over a key and value store, whole or phase by phase (when hooks look). Both give
// the same bits.
#pragma once

#include <cstddef>

#include <cutaway/tensor.h>

#include "base/thread_pool.h"

namespace cutaway::kernels {

/// One sequence. Query i stands at absolute position `first_pos + i`, key j at position j; `keys`
/// >= first_pos + queries. A query sees keys at positions <= its own, and with `window` w > 0 only
/// the last w of them, itself included.
struct AttentionShape {
  std::size_t queries, keys, first_pos;
  std::size_t heads, kv_heads, d_head;
  float scale;
  float softcap;       ///< 0: none
  std::size_t window;  ///< 0: all
};

/// Keys lie transposed so that one layout serves prefill and decode in one order of sums: [kv_head,
/// d_head, capacity] (stride of the last axis 1); values [kv_head, capacity, d_head]. Query head h
/// reads kv head h / (heads / kv_heads).
using KeyView = TensorView<const float, 3>;
using ValueView = TensorView<const float, 3>;

/// q, z: [queries, head, d_head] (contiguous). Scores are summed over d_head in order, z over keys
/// in order, so the bits depend on neither `queries` nor threads.
void attention(const AttentionShape& shape, TensorView<const float, 3> q, KeyView k, ValueView v,
               TensorView<float, 3> z, ThreadPool& pool);

/// The phases. scores, pattern: [head, queries, keys], contiguous.
void attention_scores(const AttentionShape& shape, TensorView<const float, 3> q, KeyView k,
                      TensorView<float, 3> scores, ThreadPool& pool);  ///< scaled, all keys
void attention_cap_and_mask(const AttentionShape& shape, TensorView<float, 3> scores,
                            ThreadPool& pool);  ///< in place; masked keys become -inf
void attention_softmax(TensorView<float, 3> scores,
                       ThreadPool& pool);  ///< in place, `softmax` of each row
void attention_values(const AttentionShape& shape, TensorView<const float, 3> pattern, ValueView v,
                      TensorView<float, 3> z, ThreadPool& pool);  ///< all keys count

}  // namespace cutaway::kernels
