#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/simd_math-inl.h"

#ifndef CUTAWAY_KERNELS_ATTENTION_ONCE
#define CUTAWAY_KERNELS_ATTENTION_ONCE
namespace cutaway::kernels {

// A work unit: some queries of one head. Its scratch holds their scores, then their pattern.
struct HeadBlock {
  const AttentionShape* shape;
  std::size_t first, count;  // queries
  const float* q;            // of the first query; rows q_stride apart
  std::size_t q_stride;
  const float* k;  // [d_head, capacity]
  std::size_t k_stride;
  const float* v;  // [capacity, d_head]
  std::size_t v_stride;
  float* z;
  std::size_t z_stride;

  // The keys that query i (of the block) sees.
  std::size_t begin(std::size_t i) const noexcept {
    const std::size_t end = this->end(i);
    return shape->window > 0 && end > shape->window ? end - shape->window : 0;
  }
  std::size_t end(std::size_t i) const noexcept { return shape->first_pos + first + i + 1; }
};

// A pattern row: weights of keys [begin, end), the first of them at p.
struct PatternRow {
  const float* p;
  std::size_t begin, end;
};

}  // namespace cutaway::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using math::D;
using math::kLanes;
using math::V;

// One micro-kernel for scores and values: kRows broadcasts times kVectors vectors.
constexpr std::size_t kVectors = 4;
constexpr std::size_t kPanel = kVectors * kLanes;
#if HWY_TARGET == HWY_AVX3
constexpr std::size_t kRows = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr std::size_t kRows = 3;
#else
constexpr std::size_t kRows = 2;
#endif

// Where a block's first panel may start: whole panels, and the sums of softmax, stay aligned to key
// 0.
constexpr std::size_t kAlign = std::max(kPanel, math::kSums);
std::size_t PanelAlignment() { return kAlign; }

// s[r, 0..kPanel) = scale · sum over d of q[r, d] · k[d, 0..kPanel), summed one d after another.
template <std::size_t R>
HWY_INLINE void score_tile(const float* q, std::size_t q_stride, const float* k,
                           std::size_t k_stride, std::size_t d_head, float scale, float* s,
                           std::size_t s_stride) {
  const D d;
  V acc[R][kVectors];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kVectors; ++c) acc[r][c] = hn::Zero(d);
  }
  for (std::size_t i = 0; i < d_head; ++i) {
    V keys[kVectors];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kVectors; ++c)
      keys[c] = hn::LoadU(d, k + i * k_stride + c * kLanes);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < R; ++r) {
      const V query = hn::Set(d, q[r * q_stride + i]);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < kVectors; ++c) acc[r][c] = hn::MulAdd(query, keys[c], acc[r][c]);
    }
  }
  const V factor = hn::Set(d, scale);
#pragma GCC unroll 6
  for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < kVectors; ++c) {
      hn::StoreU(hn::Mul(acc[r][c], factor), d, s + r * s_stride + c * kLanes);
    }
  }
}

// Scores of the block against keys [from, to), from a multiple of kPanel; s[i, j - from]. Rows of s
// have room for whole panels. Never reads a key beyond `to`.
void BlockScores(const HeadBlock& b, std::size_t from, std::size_t to, float* s,
                 std::size_t s_stride, float* panel) {
  const std::size_t d_head = b.shape->d_head;
  for (std::size_t j = from; j < to; j += kPanel) {
    const std::size_t keys = std::min(kPanel, to - j);
    const float* k = b.k + j;
    std::size_t k_stride = b.k_stride;
    // Rows of k lie a whole capacity apart, often a power of two: read more than once, they are
    // better packed. The last panel must be, as it ends inside a vector.
    if (keys < kPanel || b.count > kRows) {
      for (std::size_t i = 0; i < d_head; ++i) {
        std::copy_n(k + i * k_stride, keys, panel + i * kPanel);
        std::fill_n(panel + i * kPanel + keys, kPanel - keys, 0.0F);
      }
      k = panel;
      k_stride = kPanel;
    }
    std::size_t r = 0;
    for (; r + kRows <= b.count; r += kRows) {
      score_tile<kRows>(b.q + r * b.q_stride, b.q_stride, k, k_stride, d_head, b.shape->scale,
                        s + r * s_stride + (j - from), s_stride);
    }
    for (; r < b.count; ++r) {
      score_tile<1>(b.q + r * b.q_stride, b.q_stride, k, k_stride, d_head, b.shape->scale,
                    s + r * s_stride + (j - from), s_stride);
    }
  }
}

template <std::size_t C>
HWY_INLINE V load_values(const float* v, std::size_t c, std::size_t width) {
  if (C == 1 && width < kLanes) return math::load_some(v, width, 0.0F);
  return hn::LoadU(D(), v + c * kLanes);
}

// Keys that only some rows of the tile see.
template <std::size_t R, std::size_t C>
HWY_INLINE void ragged_keys(const PatternRow* rows, const float* v, std::size_t v_stride,
                            std::size_t width, std::size_t from, std::size_t to, V (&acc)[R][C]) {
  for (std::size_t j = from; j < to; ++j) {
#pragma GCC unroll 6
    for (std::size_t r = 0; r < R; ++r) {
      if (j < rows[r].begin || j >= rows[r].end) continue;
      const V weight = hn::Set(D(), rows[r].p[j - rows[r].begin]);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < C; ++c) {
        acc[r][c] = hn::MulAdd(weight, load_values<C>(v + j * v_stride, c, width), acc[r][c]);
      }
    }
  }
}

// z[r, 0..C·L) = sum over the row's keys of p · v, one key after another. `width` < C·L only with C
// = 1: the last columns of a head that ends inside a vector. Keys outside a row's range are not
// touched for it, whatever the other rows of the tile see.
template <std::size_t R, std::size_t C>
HWY_INLINE void value_tile(const PatternRow* rows, const float* v, std::size_t v_stride,
                           std::size_t width, float* z, std::size_t z_stride) {
  const D d;
  const bool partial = C == 1 && width < kLanes;
  V acc[R][C];
  std::size_t first = rows[0].begin;
  std::size_t last = rows[0].end;
  std::size_t common_first = first;
  std::size_t common_last = last;
#pragma GCC unroll 6
  for (std::size_t r = 0; r < R; ++r) {
    first = std::min(first, rows[r].begin);
    last = std::max(last, rows[r].end);
    common_first = std::max(common_first, rows[r].begin);
    common_last = std::min(common_last, rows[r].end);
#pragma GCC unroll 4
    for (std::size_t c = 0; c < C; ++c) acc[r][c] = hn::Zero(d);
  }
  common_first = std::min(common_first, last);
  common_last = std::max(common_last, common_first);

  ragged_keys<R, C>(rows, v, v_stride, width, first, common_first, acc);
  const float* p[R];
#pragma GCC unroll 6
  for (std::size_t r = 0; r < R; ++r) p[r] = rows[r].p - rows[r].begin;
  for (std::size_t j = common_first; j < common_last; ++j) {
    V values[C];
#pragma GCC unroll 4
    for (std::size_t c = 0; c < C; ++c) values[c] = load_values<C>(v + j * v_stride, c, width);
#pragma GCC unroll 6
    for (std::size_t r = 0; r < R; ++r) {
      const V weight = hn::Set(d, p[r][j]);
#pragma GCC unroll 4
      for (std::size_t c = 0; c < C; ++c) acc[r][c] = hn::MulAdd(weight, values[c], acc[r][c]);
    }
  }
  ragged_keys<R, C>(rows, v, v_stride, width, common_last, last, acc);

#pragma GCC unroll 6
  for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (std::size_t c = 0; c < C; ++c) {
      // An underflowing product can leave -0, which a later weight of 0 would turn to +0: adding +0
      // makes masked keys change no bit, counted or not.
      const V sum = hn::Add(acc[r][c], hn::Zero(d));
      float* to = z + r * z_stride + c * kLanes;
      if (partial) {
        math::store_some(sum, to, width);
      } else {
        hn::StoreU(sum, d, to);
      }
    }
  }
}

template <std::size_t R>
void value_rows(const PatternRow* rows, const HeadBlock& b, float* z) {
  const std::size_t d_head = b.shape->d_head;
  std::size_t c = 0;
  for (; c + kPanel <= d_head; c += kPanel) {
    value_tile<R, kVectors>(rows, b.v + c, b.v_stride, kPanel, z + c, b.z_stride);
  }
  for (; c < d_head; c += kLanes) {
    const std::size_t width = std::min(kLanes, d_head - c);
    value_tile<R, 1>(rows, b.v + c, b.v_stride, width, z + c, b.z_stride);
  }
}

// z of the block from its pattern rows.
void BlockValues(const HeadBlock& b, const PatternRow* rows) {
  std::size_t r = 0;
  for (; r + kRows <= b.count; r += kRows) value_rows<kRows>(rows + r, b, b.z + r * b.z_stride);
  for (; r < b.count; ++r) value_rows<1>(rows + r, b, b.z + r * b.z_stride);
}

void CapRow(float* s, std::size_t n, float cap) {
  const D d;
  const V c = hn::Set(d, cap);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(math::softcap(hn::LoadU(d, s + i), c), d, s + i);
  if (i < n) math::store_some(math::softcap(math::load_some(s + i, n - i, 0.0F), c), s + i, n - i);
}

void SoftmaxRow(float* s, std::size_t n) { math::softmax_row(s, 0, n, n); }

// Scores, cap, softmax and values of one block, in scratch: the phases below without their arrays.
void BlockAttention(const HeadBlock& b, float* s, std::size_t s_stride, float* panel,
                    PatternRow* rows) {
  const std::size_t from = b.begin(0) / kAlign * kAlign;
  BlockScores(b, from, b.end(b.count - 1), s, s_stride, panel);
  for (std::size_t i = 0; i < b.count; ++i) {
    const std::size_t begin = b.begin(i);
    const std::size_t end = b.end(i);
    float* row = s + i * s_stride;
    if (b.shape->softcap > 0) CapRow(row + (begin - from), end - begin, b.shape->softcap);
    // `from` is aligned, so the sums are those of the whole row.
    math::softmax_row(row, begin - from, end - from, end - from);
    rows[i] = {row + (begin - from), begin, end};
  }
  BlockValues(b, rows);
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(PanelAlignment);
HWY_EXPORT(BlockScores);
HWY_EXPORT(BlockValues);
HWY_EXPORT(BlockAttention);
HWY_EXPORT(CapRow);
HWY_EXPORT(SoftmaxRow);

namespace {

constexpr std::size_t kMaxQueries = 24;

// Fewer queries once 24 rows of scores would leave the second-level cache.
std::size_t queries_a_unit(std::size_t keys) { return keys > 8192 ? kMaxQueries / 2 : kMaxQueries; }

// Room for rows of scores in whole panels, and one line more: rows a power of two apart would share
// a set of the cache.
std::size_t padded(std::size_t keys, std::size_t panel) {
  return (keys + panel - 1) / panel * panel + 16;
}

// Calls body(head, block) for every block of queries of every head; late blocks, which see most
// keys, first.
template <typename Body>
void for_blocks(const AttentionShape& shape, ThreadPool& pool, const Body& body) {
  const std::size_t size = queries_a_unit(shape.keys);
  const std::size_t blocks = (shape.queries + size - 1) / size;
  pool.parallel_for(blocks * shape.heads, [&](std::size_t unit) {
    HeadBlock b{};
    b.shape = &shape;
    b.first = (blocks - 1 - unit / shape.heads) * size;
    b.count = std::min(size, shape.queries - b.first);
    body(unit % shape.heads, b);
  });
}

void set_queries(HeadBlock& b, TensorView<const float, 3> q, KeyView k, std::size_t head) {
  const std::size_t kv = head / (b.shape->heads / b.shape->kv_heads);
  b.q = q.data() + b.first * q.stride(0) + head * q.stride(1);
  b.q_stride = q.stride(0);
  b.k = k.data() + kv * k.stride(0);
  b.k_stride = k.stride(1);
}

void set_values(HeadBlock& b, ValueView v, TensorView<float, 3> z, std::size_t head) {
  const std::size_t kv = head / (b.shape->heads / b.shape->kv_heads);
  b.v = v.data() + kv * v.stride(0);
  b.v_stride = v.stride(1);
  b.z = z.data() + b.first * z.stride(0) + head * z.stride(1);
  b.z_stride = z.stride(0);
}

// Rows of [head, queries, keys], a few a unit.
template <typename Body>
void for_rows(TensorView<float, 3> scores, ThreadPool& pool, const Body& body) {
  constexpr std::size_t kRowsAUnit = 8;
  const std::size_t rows = scores.extent(0) * scores.extent(1);
  pool.parallel_for((rows + kRowsAUnit - 1) / kRowsAUnit, [&](std::size_t unit) {
    const std::size_t end = std::min(rows, (unit + 1) * kRowsAUnit);
    for (std::size_t row = unit * kRowsAUnit; row < end; ++row) {
      body(row % scores.extent(1), scores.data() + row * scores.extent(2));
    }
  });
}

}  // namespace

void attention(const AttentionShape& shape, TensorView<const float, 3> q, KeyView k, ValueView v,
               TensorView<float, 3> z, ThreadPool& pool) {
  const std::size_t panel = HWY_DYNAMIC_DISPATCH(PanelAlignment)();
  for_blocks(shape, pool, [&](std::size_t head, HeadBlock& b) {
    set_queries(b, q, k, head);
    set_values(b, v, z, head);
    const std::size_t seen = b.end(b.count - 1) - b.begin(0) / panel * panel;
    const std::size_t stride = padded(seen, panel);
    const std::size_t scores = b.count * stride;
    float* scratch = thread_scratch(scores + panel * shape.d_head);
    PatternRow rows[kMaxQueries];
    HWY_DYNAMIC_DISPATCH(BlockAttention)(b, scratch, stride, scratch + scores, rows);
  });
}

void attention_scores(const AttentionShape& shape, TensorView<const float, 3> q, KeyView k,
                      TensorView<float, 3> scores, ThreadPool& pool) {
  const std::size_t panel = HWY_DYNAMIC_DISPATCH(PanelAlignment)();
  const std::size_t stride = padded(shape.keys, panel);
  for_blocks(shape, pool, [&](std::size_t head, HeadBlock& b) {
    set_queries(b, q, k, head);
    float* scratch = thread_scratch(b.count * stride + panel * shape.d_head);
    HWY_DYNAMIC_DISPATCH(BlockScores)
    (b, 0, shape.keys, scratch, stride, scratch + b.count * stride);
    for (std::size_t i = 0; i < b.count; ++i) {
      std::copy_n(scratch + i * stride, shape.keys,
                  scores.data() + (head * shape.queries + b.first + i) * shape.keys);
    }
  });
}

void attention_cap_and_mask(const AttentionShape& shape, TensorView<float, 3> scores,
                            ThreadPool& pool) {
  for_rows(scores, pool, [&](std::size_t query, float* row) {
    HeadBlock b{};
    b.shape = &shape;
    b.first = query;
    const std::size_t begin = b.begin(0);
    const std::size_t end = std::min(shape.keys, b.end(0));
    const float masked = -std::numeric_limits<float>::infinity();
    std::fill(row, row + begin, masked);
    if (shape.softcap > 0) HWY_DYNAMIC_DISPATCH(CapRow)(row + begin, end - begin, shape.softcap);
    std::fill(row + end, row + shape.keys, masked);
  });
}

void attention_softmax(TensorView<float, 3> scores, ThreadPool& pool) {
  for_rows(scores, pool, [&](std::size_t, float* row) {
    HWY_DYNAMIC_DISPATCH(SoftmaxRow)(row, scores.extent(2));
  });
}

void attention_values(const AttentionShape& shape, TensorView<const float, 3> pattern, ValueView v,
                      TensorView<float, 3> z, ThreadPool& pool) {
  for_blocks(shape, pool, [&](std::size_t head, HeadBlock& b) {
    set_values(b, v, z, head);
    PatternRow rows[kMaxQueries];
    for (std::size_t i = 0; i < b.count; ++i) {
      rows[i] = {pattern.data() + (head * shape.queries + b.first + i) * shape.keys, 0, shape.keys};
    }
    HWY_DYNAMIC_DISPATCH(BlockValues)(b, rows);
  });
}

}  // namespace cutaway::kernels
#endif
