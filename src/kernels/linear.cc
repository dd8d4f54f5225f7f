#include "kernels/linear.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "kernels/dequant.h"
#include "kernels/linear_transposed.h"
#include "kernels/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// The contract, for a vector of L lanes. Each (token, row) has one accumulator vector. bf16: for
// each 2L columns a fused multiply-add of the L even columns, then one of the L odd ones. Every
// other type: one fused multiply-add for each L columns. Missing columns of the last step count as
// zeros. At the end, within every four lanes (l0 + l2) + (l1 + l3); then the upper half of these
// sums is added to the lower half until one is left. (A target without fused multiply-add rounds
// twice.) Tiles, tokens, rows and threads only choose which accumulators live at the same time.

#ifndef CUTAWAY_KERNELS_LINEAR_ONCE
#define CUTAWAY_KERNELS_LINEAR_ONCE
namespace cutaway::kernels {

// One block of tokens times one chunk of rows.
struct LinearArgs {
  const float* x;  // packed rows
  std::size_t x_stride;
  std::size_t tokens;
  WeightView w;
  float* y;
  std::size_t y_stride;
};

}  // namespace cutaway::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using D8 = hn::Repartition<std::uint8_t, D>;
using D32 = hn::Repartition<std::uint32_t, D>;
using D64 = hn::Repartition<std::uint64_t, D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());
constexpr std::size_t kMaxRows = 8;  // of a tile

// Tiles by the number of vector registers: accumulators, a vector for each row, one for x.
#if HWY_TARGET == HWY_AVX3
constexpr int kRows1 = 2, kRows1Long = 8, kRows2 = 4, kRows3 = 8, kRows4 = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr int kRows1 = 2, kRows1Long = 4, kRows2 = 4, kRows3 = 3, kRows4 = 3;
#else
constexpr int kRows1 = 2, kRows1Long = 4, kRows2 = 2, kRows3 = 2, kRows4 = 2;
#endif

// Four bytes for each lane, from any address.
HWY_INLINE hn::Vec<D32> load_words(const std::uint8_t* p) {
#if HWY_TARGET == HWY_SCALAR
  std::uint32_t word;
  std::memcpy(&word, p, sizeof(word));
  return hn::Set(D32(), word);
#else
  return hn::BitCast(D32(), hn::LoadU(D8(), p));
#endif
}

// Columns that one step consumes, and how a vector of weights is read at `p`.
struct Bf16Pairs {
  static constexpr std::size_t kColumns = 2 * kLanes;
  static constexpr std::size_t kBytes = 4 * kLanes;

  template <int TM, int TN>
  static HWY_INLINE void step(const std::uint8_t* w, std::size_t row_bytes, const float* x,
                              std::size_t x_stride, V (&acc)[TM][TN]) {
    const D d;
    const D32 d32;
    V wide[TN];
#pragma GCC unroll 8
    for (int n = 0; n < TN; ++n) {
      const auto words = load_words(w + static_cast<std::size_t>(n) * row_bytes);
      wide[n] = hn::BitCast(d, hn::ShiftLeft<16>(words));
    }
#pragma GCC unroll 4
    for (int m = 0; m < TM; ++m) {
      const V xm = hn::Load(d, x + static_cast<std::size_t>(m) * x_stride);
#pragma GCC unroll 8
      for (int n = 0; n < TN; ++n) acc[m][n] = hn::MulAdd(wide[n], xm, acc[m][n]);
    }
    // The same weights again: a second load is cheaper than the registers that would keep the
    // first, and the barrier stops the compiler from merging the two.
    if constexpr (TM * TN >= 12) asm volatile("" ::: "memory");
    const auto odd = hn::Set(d32, 0xFFFF0000U);
#pragma GCC unroll 8
    for (int n = 0; n < TN; ++n) {
      const auto words = load_words(w + static_cast<std::size_t>(n) * row_bytes);
      wide[n] = hn::BitCast(d, hn::And(words, odd));
    }
#pragma GCC unroll 4
    for (int m = 0; m < TM; ++m) {
      const V xm = hn::Load(d, x + static_cast<std::size_t>(m) * x_stride + kLanes);
#pragma GCC unroll 8
      for (int n = 0; n < TN; ++n) acc[m][n] = hn::MulAdd(wide[n], xm, acc[m][n]);
    }
  }
};

struct F32Rows {
  static constexpr std::size_t kColumns = kLanes;
  static constexpr std::size_t kBytes = 4 * kLanes;

  template <int TM, int TN>
  static HWY_INLINE void step(const std::uint8_t* w, std::size_t row_bytes, const float* x,
                              std::size_t x_stride, V (&acc)[TM][TN]) {
    const D d;
    V wide[TN];
#pragma GCC unroll 8
    for (int n = 0; n < TN; ++n) {
      wide[n] = hn::BitCast(d, load_words(w + static_cast<std::size_t>(n) * row_bytes));
    }
#pragma GCC unroll 4
    for (int m = 0; m < TM; ++m) {
      const V xm = hn::Load(d, x + static_cast<std::size_t>(m) * x_stride);
#pragma GCC unroll 8
      for (int n = 0; n < TN; ++n) acc[m][n] = hn::MulAdd(wide[n], xm, acc[m][n]);
    }
  }
};

// The end of the contract for four accumulators at once: lane i of the result belongs to the i-th.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void reduce_4(V a, V b, V c, V e, float* HWY_RESTRICT out) {
  out[0] = hn::GetLane(a);
  out[1] = hn::GetLane(b);
  out[2] = hn::GetLane(c);
  out[3] = hn::GetLane(e);
}
#else
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > fold(hn::FixedTag<float, 4>,
                                                 hn::Vec<hn::FixedTag<float, 4> > v) {
  return v;
}
#if HWY_MAX_BYTES > 16
template <class DF>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > fold(DF, hn::Vec<DF> v) {
  const hn::Half<DF> half;
  return fold(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
}
#endif

HWY_INLINE void reduce_4(V a, V b, V c, V e, float* HWY_RESTRICT out) {
  const D d;
  const D64 d64;
  const auto ab =
      hn::BitCast(d64, hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  const auto ce =
      hn::BitCast(d64, hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e)));
  const V sums = hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, ab, ce)),
                         hn::BitCast(d, hn::InterleaveUpper(d64, ab, ce)));
  hn::StoreU(fold(d, sums), hn::FixedTag<float, 4>(), out);
}
#endif

// y of TM tokens and TN rows. `ahead` > 0: ask for the weights that many bytes further on, into the
// second-level cache.
template <class Kind, int TM, int TN>
HWY_NOINLINE void tile(const float* x, std::size_t x_stride, const std::byte* weights,
                       std::size_t row_bytes, std::size_t cols, std::size_t ahead, float* y,
                       std::size_t y_stride) {
  const D d;
  const auto* w = reinterpret_cast<const std::uint8_t*>(weights);
  V acc[TM][TN];
#pragma GCC unroll 4
  for (int m = 0; m < TM; ++m) {
#pragma GCC unroll 8
    for (int n = 0; n < TN; ++n) acc[m][n] = hn::Zero(d);
  }
  const std::size_t steps = cols / Kind::kColumns;
  for (std::size_t s = 0; s < steps; ++s) {
    if (ahead > 0) {
#pragma GCC unroll 8
      for (int n = 0; n < TN; ++n) {
        __builtin_prefetch(w + ahead + static_cast<std::size_t>(n) * row_bytes, 0, 2);
      }
    }
    Kind::step(w, row_bytes, x, x_stride, acc);
    w += Kind::kBytes;
    x += Kind::kColumns;
  }
  if (const std::size_t rest = cols % Kind::kColumns; rest > 0) {
    // The row's last columns, then zeros: what lies behind a row is another row, or nothing.
    const std::size_t bytes = rest * (Kind::kBytes / Kind::kColumns);
    HWY_ALIGN std::uint8_t last[static_cast<std::size_t>(TN) * Kind::kBytes] = {};
    for (std::size_t n = 0; n < TN; ++n) {
      std::memcpy(last + n * Kind::kBytes, w + n * row_bytes, bytes);
    }
    Kind::step(last, Kind::kBytes, x, x_stride, acc);
  }

  HWY_ALIGN float sums[kMaxRows];
  const V zero = hn::Zero(d);
#pragma GCC unroll 4
  for (int m = 0; m < TM; ++m) {
#pragma GCC unroll 2
    for (int n = 0; n < TN; n += 4) {
      reduce_4(acc[m][n], n + 1 < TN ? acc[m][n + 1 < TN ? n + 1 : 0] : zero,
               n + 2 < TN ? acc[m][n + 2 < TN ? n + 2 : 0] : zero,
               n + 3 < TN ? acc[m][n + 3 < TN ? n + 3 : 0] : zero, sums + n);
    }
    for (int n = 0; n < TN; ++n)
      y[static_cast<std::size_t>(m) * y_stride + static_cast<std::size_t>(n)] = sums[n];
  }
}

// Every row of a chunk for TM tokens.
template <class Kind, int TM, int TN>
void tile_rows(const LinearArgs& a, std::size_t token, std::size_t begin, std::size_t end,
               bool prefetch) {
  const float* x = a.x + token * a.x_stride;
  float* y = a.y + token * a.y_stride;
  // The next tile; of one token, whose tiles are short, the one after.
  const std::size_t ahead = prefetch ? (TM == 1 ? 2 : 1) * TN * a.w.row_bytes : 0;
  std::size_t n = begin;
  for (; n + TN <= end; n += TN) {
    tile<Kind, TM, TN>(x, a.x_stride, a.w.row(n), a.w.row_bytes, a.w.cols, ahead, y + n,
                       a.y_stride);
  }
  if constexpr (TN > 1) {
    for (; n < end; ++n) {
      tile<Kind, TM, 1>(x, a.x_stride, a.w.row(n), a.w.row_bytes, a.w.cols, 0, y + n, a.y_stride);
    }
  }
}

// All tokens pass over the chunk of rows before the next chunk: its weights come from memory once.
template <class Kind>
void chunk(const LinearArgs& a, std::size_t begin, std::size_t end) {
  std::size_t token = 0;
  for (; token + 4 <= a.tokens; token += 4) {
    tile_rows<Kind, 4, kRows4>(a, token, begin, end, token == 0);
  }
  switch (a.tokens - token) {
    case 1:
      // Few rows at a time read most nearly in sequence, while x stays in the first-level cache.
      if (a.w.cols <= 4096) return tile_rows<Kind, 1, kRows1>(a, token, begin, end, token == 0);
      return tile_rows<Kind, 1, kRows1Long>(a, token, begin, end, token == 0);
    case 2:
      return tile_rows<Kind, 2, kRows2>(a, token, begin, end, token == 0);
    case 3:
      return tile_rows<Kind, 3, kRows3>(a, token, begin, end, token == 0);
    default:
      return;
  }
}

// Loads that straddle a cache line cost up to a third of the f32 rate (measured on Sapphire
// Rapids). From this many tokens on, copying the rows to a better place pays.
constexpr std::size_t kCopyFrom = 64;

bool is_straddling(const WeightView& w) {
  return reinterpret_cast<std::uintptr_t>(w.data) % 64 != 0 || w.row_bytes % 64 != 0;
}

// As `chunk`, a few rows at a time, from aligned copies padded by a cache line.
template <class Kind>
void chunk_copied(const LinearArgs& a, std::size_t begin, std::size_t end) {
  const std::size_t bytes = a.w.cols * (Kind::kBytes / Kind::kColumns);
  const std::size_t stride = (bytes + 63) / 64 * 64 + 64;
  const std::size_t group = stride <= 32768 ? 24 : 12;
  auto* copy = reinterpret_cast<std::byte*>(
      thread_scratch(std::min(group, end - begin) * (stride / sizeof(float))));
  for (std::size_t n = begin; n < end; n += group) {
    const std::size_t rows = std::min(group, end - n);
    for (std::size_t i = 0; i < rows; ++i) std::memcpy(copy + i * stride, a.w.row(n + i), bytes);
    LinearArgs part = a;
    part.w = {copy, a.w.dtype, rows, a.w.cols, stride};
    part.y = a.y + n;
    chunk<Kind>(part, 0, rows);
  }
}

// Rows are widened to f32 a few at a time, into rows padded by a cache line (rows a power of two
// apart fall into one set of the cache).
void chunk_widened(const LinearArgs& a, std::size_t begin, std::size_t end) {
  const std::size_t cols = a.w.cols;
  const std::size_t stride = (cols + 15) / 16 * 16 + 16;
  // A few tokens: what fits the first-level cache. More: what fits the second. In whole tiles.
  const std::size_t few = a.tokens == 3 ? kRows3 : 4;
  const std::size_t group = a.tokens <= 3 ? few : cols <= 8192 ? 24 : cols <= 16384 ? 12 : 6;
  float* wide = thread_scratch(std::min(group, end - begin) * stride);
  for (std::size_t n = begin; n < end; n += group) {
    const std::size_t rows = std::min(group, end - n);
    for (std::size_t i = 0; i < rows; ++i) dequantize_row(a.w, n + i, {wide + i * stride, cols});
    LinearArgs part = a;
    part.w = {reinterpret_cast<const std::byte*>(wide), DType::kF32, rows, cols,
              stride * sizeof(float)};
    part.y = a.y + n;
    chunk<F32Rows>(part, 0, rows);
  }
}

void LinearChunk(const LinearArgs& a, std::size_t begin, std::size_t end) {
  switch (a.w.dtype) {
    case DType::kBF16:
      if (a.tokens >= kCopyFrom && is_straddling(a.w))
        return chunk_copied<Bf16Pairs>(a, begin, end);
      return chunk<Bf16Pairs>(a, begin, end);
    case DType::kF32:
      if (a.tokens >= kCopyFrom && is_straddling(a.w)) return chunk_copied<F32Rows>(a, begin, end);
      return chunk<F32Rows>(a, begin, end);
    default:
      return chunk_widened(a, begin, end);
  }
}

// `to` [padded]: of every 2L columns first the even ones, then the odd ones; zeros at the end.
void PackPairs(const float* x, std::size_t cols, float* HWY_RESTRICT to, std::size_t padded) {
  constexpr std::size_t kStep = 2 * kLanes;
  const std::size_t whole = cols / kStep * kStep;
  for (std::size_t k = 0; k < whole; k += kStep) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      to[k + i] = x[k + 2 * i];
      to[k + kLanes + i] = x[k + 2 * i + 1];
    }
  }
  std::fill(to + whole, to + padded, 0.0F);
  for (std::size_t k = whole; k < cols; ++k) {
    const std::size_t i = k - whole;
    to[whole + i % 2 * kLanes + i / 2] = x[k];
  }
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(LinearChunk);
HWY_EXPORT(PackPairs);

struct LinearInput::Packed {
  explicit Packed(TensorView<const float, 2> input) : x(input) {}

  std::size_t stride() const noexcept { return (x.extent(1) + 31) / 32 * 32 + 16; }

  // The rows in the order that the stored type wants.
  const float* rows(bool pairs, ThreadPool& pool) {
    Tensor& to = pairs ? pairs_ : natural_;
    const std::lock_guard lock(mutex_);
    if (to.rank() == 0) {
      const std::size_t cols = x.extent(1);
      const std::size_t padded = stride();
      Tensor packed = Tensor::uninitialized({x.extent(0), padded});
      float* out = packed.data();
      constexpr std::size_t kTokens = 16;  // a unit
      pool.parallel_for((x.extent(0) + kTokens - 1) / kTokens, [&](std::size_t unit) {
        const std::size_t end = std::min(x.extent(0), (unit + 1) * kTokens);
        for (std::size_t m = unit * kTokens; m < end; ++m) {
          const float* from = x.data() + m * x.stride(0);
          if (pairs) {
            HWY_DYNAMIC_DISPATCH(PackPairs)(from, cols, out + m * padded, padded);
          } else {
            std::copy_n(from, cols, out + m * padded);
            std::fill(out + m * padded + cols, out + (m + 1) * padded, 0.0F);
          }
        }
      });
      to = std::move(packed);
    }
    return to.data();
  }

  TensorView<const float, 2> x;

 private:
  std::mutex mutex_;
  Tensor natural_;
  Tensor pairs_;
};

LinearInput::LinearInput(TensorView<const float, 2> x) : packed_(std::make_unique<Packed>(x)) {}
LinearInput::~LinearInput() = default;
std::size_t LinearInput::tokens() const noexcept { return packed_->x.extent(0); }
std::size_t LinearInput::cols() const noexcept { return packed_->x.extent(1); }

void linear(const LinearInput& x, WeightView w, TensorView<float, 2> y, ThreadPool& pool) {
  const std::size_t tokens = x.tokens();
  if (tokens == 0 || w.rows == 0) return;
  if (w.cols == 0) {
    for (std::size_t m = 0; m < tokens; ++m) std::ranges::fill(y.row(m), 0.0F);
    return;
  }
  LinearInput::Packed& packed = x.packed();
  if (w.transposed) {
    const TensorView<const float, 2> padded(packed.rows(false, pool), {tokens, w.cols},
                                            {packed.stride(), 1});
    return linear_transposed(padded, w, y, pool);
  }
  const float* rows = packed.rows(w.dtype == DType::kBF16, pool);

  // Activations beyond the last-level cache are taken in blocks; the weights are then read once a
  // block.
  constexpr std::size_t kLargeInput = std::size_t{1} << 22;  // values
  const std::size_t block =
      tokens * w.cols > kLargeInput ? std::min<std::size_t>(tokens, 256) : tokens;
  const std::size_t blocks = (tokens + block - 1) / block;
  // A chunk: whole tiles of every height; more of them while the work is too small for a hand-over.
  constexpr std::size_t kSmallUnit = 65536;  // products
  const std::size_t base = tokens == 1 ? 64 : 48;
  const std::size_t rows_a_unit =
      base * std::max<std::size_t>(1, kSmallUnit / (base * w.cols * block));
  const std::size_t chunks = (w.rows + rows_a_unit - 1) / rows_a_unit;

  pool.parallel_for(blocks * chunks, [&](std::size_t unit) {
    const std::size_t token = unit / chunks * block;
    const std::size_t begin = unit % chunks * rows_a_unit;
    const LinearArgs args{rows + token * packed.stride(),  packed.stride(),
                          std::min(block, tokens - token), w,
                          y.data() + token * y.stride(0),  y.stride(0)};
    HWY_DYNAMIC_DISPATCH(LinearChunk)(args, begin, std::min(w.rows, begin + rows_a_unit));
  });
}

}  // namespace cutaway::kernels
#endif
