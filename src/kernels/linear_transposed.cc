#include "kernels/linear_transposed.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/float16.h"
#include "kernels/dequant.h"
#include "kernels/scratch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear_transposed.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Outputs lie in the lanes, so an output's sum is one chain of multiply-adds whatever the vector
// is, and an output may be computed in any lane. Two ways through the same sums: a few tokens sweep
// long stretches of several stored rows at once, as memory likes to be read, with the block's sums
// in the first-level cache; many tokens keep the sums of a tile in registers, over a packed panel
// of columns. Blocks of quantised weights are first widened, a few rows at a time.

#ifndef CUTAWAY_KERNELS_LINEAR_TRANSPOSED_ONCE
#define CUTAWAY_KERNELS_LINEAR_TRANSPOSED_ONCE
namespace cutaway::kernels {

// A block of tokens times a chunk of outputs.
struct TransposedArgs {
  const float* x;
  std::size_t x_stride;
  std::size_t tokens;
  WeightView w;  // the chunk
  float* y;
  std::size_t y_stride;
};

constexpr std::size_t kInputBlock = 256;  // part of the contract
constexpr std::size_t kManyTokens = 24;
// Rows of sums a power of two apart would fall into one set of the first-level cache.
constexpr std::size_t kPad = 16;

}  // namespace cutaway::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace cutaway::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using D32 = hn::Repartition<std::uint32_t, D>;
using D8 = hn::Repartition<std::uint8_t, D>;
using DHalf = hn::Rebind<std::uint16_t, D>;
constexpr std::size_t kLanes = hn::MaxLanes(D());

// By the number of vector registers: the rows that a sweep of 1, 2, 3, 4 tokens takes at once, and
// the vectors of a tile of six tokens.
#if HWY_TARGET == HWY_AVX3
constexpr int kSweepRows[] = {8, 8, 8, 4};
constexpr int kTileVectors = 4;
#else
constexpr int kSweepRows[] = {8, 4, 2, 2};
constexpr int kTileVectors = 2;
#endif
constexpr int kTileTokens = 6;
constexpr std::size_t kPanel = kTileVectors * kLanes;

// How the lanes of a vector are read at `p`.
struct F32 {
  static constexpr std::size_t kBytes = 4;
  static HWY_INLINE V load(const std::uint8_t* p) {
#if HWY_TARGET == HWY_SCALAR
    float x;
    std::memcpy(&x, p, sizeof(x));
    return hn::Set(D(), x);
#else
    return hn::BitCast(D(), hn::LoadU(D8(), p));
#endif
  }
};

struct Bf16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE V load(const std::uint8_t* p) {
#if HWY_TARGET == HWY_SCALAR
    bf16 x;
    std::memcpy(&x.bits, p, sizeof(x.bits));
    return hn::Set(D(), to_float(x));
#else
    const hn::Repartition<std::uint8_t, DHalf> bytes;
    const auto halves = hn::BitCast(DHalf(), hn::LoadU(bytes, p));
    return hn::BitCast(D(), hn::ShiftLeft<16>(hn::PromoteTo(D32(), halves)));
#endif
  }
};

struct F16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE V load(const std::uint8_t* p) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    const hn::Rebind<hwy::float16_t, D> half;
    const hn::Repartition<std::uint8_t, decltype(half)> bytes;
    return hn::PromoteTo(D(), hn::BitCast(half, hn::LoadU(bytes, p)));
#else
    HWY_ALIGN float wide[kLanes];
    for (std::size_t i = 0; i < kLanes; ++i) {
      f16 x;
      std::memcpy(&x.bits, p + 2 * i, sizeof(x.bits));
      wide[i] = to_float(x);
    }
    return hn::Load(D(), wide);
#endif
  }
};

// Widened to f32 before a vector can be read. A stored row is whole blocks, each of whole vectors.
struct Blocks {};
template <class Kind>
constexpr bool kIsWidened = std::is_same_v<Kind, Blocks>;
constexpr std::size_t kWidenedRows = 8;  // a copy in the first-level cache

// Whole vectors of columns: where their weights and their outputs are.
struct Columns {
  const std::uint8_t* w;  // the row of the block's first input
  DType dtype;
  std::size_t row_bytes;
  std::size_t count;  // a multiple of the lanes
  float* y;
  std::size_t y_stride;
};

// sums[m] += x[m, k] · row k for TR rows and TM tokens. With `prefetch`, asks for the next TR rows.
template <class Kind, int TM, int TR>
HWY_NOINLINE void sweep(const std::uint8_t* w, std::size_t row_bytes, const float* x,
                        std::size_t x_stride, float* HWY_RESTRICT sums, std::size_t stride,
                        std::size_t count, bool prefetch) {
  const D d;
  V factors[TM][TR];
#pragma GCC unroll 4
  for (std::size_t m = 0; m < TM; ++m) {
#pragma GCC unroll 8
    for (std::size_t r = 0; r < TR; ++r) factors[m][r] = hn::Set(d, x[m * x_stride + r]);
  }
  for (std::size_t n = 0; n < count; n += kLanes, w += kLanes * Kind::kBytes) {
    if (prefetch) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < TR; ++r) __builtin_prefetch(w + (TR + r) * row_bytes, 0, 2);
    }
    V acc[TM];
#pragma GCC unroll 4
    for (std::size_t m = 0; m < TM; ++m) acc[m] = hn::Load(d, sums + m * stride + n);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < TR; ++r) {
      const V weights = Kind::load(w + r * row_bytes);
#pragma GCC unroll 4
      for (std::size_t m = 0; m < TM; ++m) acc[m] = hn::MulAdd(weights, factors[m][r], acc[m]);
    }
#pragma GCC unroll 4
    for (std::size_t m = 0; m < TM; ++m) hn::Store(acc[m], d, sums + m * stride + n);
  }
}

template <class Kind, int TM>
void sweep_rows(const std::uint8_t* w, std::size_t row_bytes, std::size_t rows, const float* x,
                std::size_t x_stride, float* sums, std::size_t stride, std::size_t count,
                bool prefetch) {
  constexpr std::size_t kRows = static_cast<std::size_t>(kSweepRows[TM - 1]);
  std::size_t k = 0;
  for (; k + kRows <= rows; k += kRows) {
    sweep<Kind, TM, kRows>(w + k * row_bytes, row_bytes, x + k, x_stride, sums, stride, count,
                           prefetch);
  }
  for (; k < rows; ++k) {
    sweep<Kind, TM, 1>(w + k * row_bytes, row_bytes, x + k, x_stride, sums, stride, count, false);
  }
}

// y = (or +=) the sums of one block of inputs.
HWY_INLINE void add_block(V sums, float* y, bool is_first) {
  const D d;
  hn::StoreU(is_first ? sums : hn::Add(hn::LoadU(d, y), sums), d, y);
}

// Every token passes over a few stored rows before the next ones, while they are in the
// second-level cache. `scratch`: tokens · (count + kPad) floats, and kWidenedRows more of these
// rows if they are widened.
template <class Kind>
void few_tokens(const TransposedArgs& a, const Columns& c, std::size_t begin, std::size_t end,
                float* scratch) {
  using Loaded = std::conditional_t<kIsWidened<Kind>, F32, Kind>;
  constexpr std::size_t kRowsAtOnce = kIsWidened<Kind> ? kWidenedRows : 32;
  const std::size_t stride = c.count + kPad;
  std::fill_n(scratch, a.tokens * stride, 0.0F);
  for (std::size_t k = begin; k < end; k += kRowsAtOnce) {
    const std::size_t rows = std::min(kRowsAtOnce, end - k);
    const std::uint8_t* w = c.w + (k - begin) * c.row_bytes;
    std::size_t row_bytes = c.row_bytes;
    if constexpr (kIsWidened<Kind>) {
      float* wide = scratch + a.tokens * stride;
      for (std::size_t r = 0; r < rows; ++r) {
        dequantize(c.dtype, reinterpret_cast<const std::byte*>(w + r * row_bytes),
                   {wide + r * stride, c.count});
      }
      w = reinterpret_cast<const std::uint8_t*>(wide);
      row_bytes = stride * sizeof(float);
    }
    for (std::size_t m = 0; m < a.tokens; m += 4) {
      const auto run = [&](auto sweep_group) {
        sweep_group(w, row_bytes, rows, a.x + m * a.x_stride + k, a.x_stride, scratch + m * stride,
                    stride, c.count, m == 0 && !kIsWidened<Kind>);
      };
      switch (a.tokens - m) {
        case 1:
          run(sweep_rows<Loaded, 1>);
          break;
        case 2:
          run(sweep_rows<Loaded, 2>);
          break;
        case 3:
          run(sweep_rows<Loaded, 3>);
          break;
        default:
          run(sweep_rows<Loaded, 4>);
      }
    }
  }
  const D d;
  for (std::size_t m = 0; m < a.tokens; ++m) {
    for (std::size_t n = 0; n < c.count; n += kLanes) {
      add_block(hn::Load(d, scratch + m * stride + n), c.y + m * c.y_stride + n, begin == 0);
    }
  }
}

// A tile of tokens and columns over one block of inputs, whose weights are packed at `panel`.
template <int TM, int TV>
HWY_NOINLINE void tile(const float* panel, std::size_t inputs, const float* x, std::size_t x_stride,
                       float* y, std::size_t y_stride, bool is_first) {
  const D d;
  V acc[TM][TV];
#pragma GCC unroll 6
  for (std::size_t m = 0; m < TM; ++m) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < TV; ++v) acc[m][v] = hn::Zero(d);
  }
  for (std::size_t k = 0; k < inputs; ++k, panel += TV * kLanes) {
    V weights[TV];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < TV; ++v) weights[v] = hn::Load(d, panel + v * kLanes);
#pragma GCC unroll 6
    for (std::size_t m = 0; m < TM; ++m) {
      const V factor = hn::Set(d, x[m * x_stride + k]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < TV; ++v) acc[m][v] = hn::MulAdd(weights[v], factor, acc[m][v]);
    }
  }
#pragma GCC unroll 6
  for (std::size_t m = 0; m < TM; ++m) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < TV; ++v)
      add_block(acc[m][v], y + m * y_stride + v * kLanes, is_first);
  }
}

template <int TV>
void tiles(const TransposedArgs& a, const Columns& c, std::size_t n, std::size_t begin,
           std::size_t end, const float* panel) {
  std::size_t m = 0;
  const auto run = [&](auto one_tile) {
    one_tile(panel, end - begin, a.x + m * a.x_stride + begin, a.x_stride, c.y + m * c.y_stride + n,
             c.y_stride, begin == 0);
  };
  for (; m + kTileTokens <= a.tokens; m += kTileTokens) run(tile<kTileTokens, TV>);
  switch (a.tokens - m) {
    case 1:
      return run(tile<1, TV>);
    case 2:
      return run(tile<2, TV>);
    case 3:
      return run(tile<3, TV>);
    case 4:
      return run(tile<4, TV>);
    case 5:
      return run(tile<5, TV>);
    default:
      return;
  }
}

// Packs the block in panels, reading along its rows, then lets all tokens pass over each panel.
// `scratch`: inputs · count floats, and count more if the rows are widened.
template <class Kind>
void many_tokens(const TransposedArgs& a, const Columns& c, std::size_t begin, std::size_t end,
                 float* scratch) {
  const D d;
  using Loaded = std::conditional_t<kIsWidened<Kind>, F32, Kind>;
  constexpr std::size_t kAhead = 8;  // rows that the prefetch is ahead
  const std::size_t inputs = end - begin;
  const std::size_t whole = c.count / kPanel * kPanel;
  for (std::size_t k = 0; k < inputs; ++k) {
    const std::uint8_t* w = c.w + k * c.row_bytes;
    if constexpr (kIsWidened<Kind>) {
      float* wide = scratch + inputs * c.count;
      dequantize(c.dtype, reinterpret_cast<const std::byte*>(w), {wide, c.count});
      w = reinterpret_cast<const std::uint8_t*>(wide);
    }
    float* to = scratch + k * kPanel;
    for (std::size_t n = 0; n < whole; n += kPanel, to += inputs * kPanel) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kPanel; v += kLanes) {
        if constexpr (!kIsWidened<Kind>) {
          __builtin_prefetch(w + kAhead * c.row_bytes + (n + v) * Loaded::kBytes, 0, 2);
        }
        hn::Store(Loaded::load(w + (n + v) * Loaded::kBytes), d, to + v);
      }
    }
    for (std::size_t n = whole; n < c.count; n += kLanes) {
      hn::Store(Loaded::load(w + n * Loaded::kBytes), d, scratch + n * inputs + k * kLanes);
    }
  }
  std::size_t n = 0;
  for (; n < whole; n += kPanel) {
    tiles<kTileVectors>(a, c, n, begin, end, scratch + n * inputs);
  }
  for (; n < c.count; n += kLanes) tiles<1>(a, c, n, begin, end, scratch + n * inputs);
}

// The last outputs, fewer than a vector: from a copy with zeros behind, through rows of a vector.
// `scratch`: for one vector; `copy`: a block of inputs; `last`: the sums, a vector a token.
template <class Kind>
void last_outputs(const TransposedArgs& a, std::size_t first, std::size_t begin, std::size_t end,
                  float* scratch, float* copy, float* last) {
  const D d;
  const std::size_t bytes = (a.w.rows - first) * Kind::kBytes;
  for (std::size_t k = begin; k < end; ++k) {
    std::uint8_t padded[kLanes * Kind::kBytes] = {};
    std::memcpy(padded, a.w.row(k) + first * Kind::kBytes, bytes);
    hn::Store(Kind::load(padded), d, copy + (k - begin) * kLanes);
  }
  const Columns columns{reinterpret_cast<const std::uint8_t*>(copy),
                        DType::kF32,
                        kLanes * sizeof(float),
                        kLanes,
                        last,
                        kLanes};
  a.tokens < kManyTokens ? few_tokens<F32>(a, columns, begin, end, scratch)
                         : many_tokens<F32>(a, columns, begin, end, scratch);
}

template <class Kind>
void chunk(const TransposedArgs& a) {
  const std::size_t whole = a.w.rows / kLanes * kLanes;
  const std::size_t rest = a.w.rows - whole;
  const bool is_few = a.tokens < kManyTokens;
  const std::size_t work = ((is_few ? a.tokens : kInputBlock) +
                            kWidenedRows * kIsWidened<Kind>)*(std::max(whole, kLanes) + kPad);
  float* scratch = thread_scratch(work + (kInputBlock + a.tokens) * kLanes);
  float* copy = scratch + work;
  float* last = copy + kInputBlock * kLanes;
  for (std::size_t begin = 0; begin < a.w.cols; begin += kInputBlock) {
    const std::size_t end = std::min(a.w.cols, begin + kInputBlock);
    if (whole > 0) {
      const Columns columns{reinterpret_cast<const std::uint8_t*>(a.w.row(begin)),
                            a.w.dtype,
                            a.w.row_bytes,
                            whole,
                            a.y,
                            a.y_stride};
      is_few ? few_tokens<Kind>(a, columns, begin, end, scratch)
             : many_tokens<Kind>(a, columns, begin, end, scratch);
    }
    if constexpr (!kIsWidened<Kind>) {
      if (rest > 0) last_outputs<Kind>(a, whole, begin, end, scratch, copy, last);
    }
  }
  for (std::size_t m = 0; m < a.tokens && rest > 0; ++m) {
    std::copy_n(last + m * kLanes, rest, a.y + m * a.y_stride + whole);
  }
}

void TransposedChunk(const TransposedArgs& a) {
  switch (a.w.dtype) {
    case DType::kF32:
      return chunk<F32>(a);
    case DType::kBF16:
      return chunk<Bf16>(a);
    case DType::kF16:
      return chunk<F16>(a);
    default:
      return chunk<Blocks>(a);
  }
}

}  // namespace cutaway::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cutaway::kernels {

HWY_EXPORT(TransposedChunk);

namespace {

// Outputs of a work unit. Units are of one size: a short last one would be read in short stretches,
// which costs twice as much a byte. Each thread has several, unless they are too small to hand
// over.
std::size_t outputs_a_unit(const TransposedArgs& a, std::size_t threads) {
  constexpr std::size_t kSmallUnit = 65536;  // products
  const std::size_t block = dtype_info(a.w.dtype).block_size;
  const std::size_t step = std::max<std::size_t>(64, block);
  const bool is_few = a.tokens < kManyTokens;
  // Rows that are widened pass through the first-level cache twice.
  const std::size_t longest = block > 1 ? 1024 : 4096 / a.tokens;
  const std::size_t most = is_few ? std::max<std::size_t>(1024, longest) : 512;
  const std::size_t least = std::max<std::size_t>(256, kSmallUnit / (a.w.cols * a.tokens));
  std::size_t units = (a.w.rows + most - 1) / most;
  if (threads > 1) units = std::max(units, threads * (is_few ? 2 : 4));
  units = std::clamp<std::size_t>(units, 1, std::max<std::size_t>(1, a.w.rows / least));
  const std::size_t outputs = (a.w.rows + units - 1) / units;
  return (outputs + step - 1) / step * step;
}

}  // namespace

void linear_transposed(TensorView<const float, 2> x, WeightView w, TensorView<float, 2> y,
                       ThreadPool& pool) {
  // The activations of a block of inputs stay in the second-level cache.
  constexpr std::size_t kTokens = 256;
  const std::size_t tokens = x.extent(0);
  const TransposedArgs all{x.data(), x.stride(0), std::min(kTokens, tokens),
                           w,        y.data(),    y.stride(0)};
  const auto threads = static_cast<std::size_t>(pool.threads());
  const std::size_t outputs = outputs_a_unit(all, threads);
  const std::size_t chunks = (w.rows + outputs - 1) / outputs;
  pool.parallel_for((tokens + kTokens - 1) / kTokens * chunks, [&](std::size_t unit) {
    const std::size_t token = unit / chunks * kTokens;
    const std::size_t first = unit % chunks * outputs;
    TransposedArgs part = all;
    part.x += token * x.stride(0);
    part.tokens = std::min(kTokens, tokens - token);
    part.w = w.slice_rows(first, std::min(outputs, w.rows - first));
    part.y += token * y.stride(0) + first;
    HWY_DYNAMIC_DISPATCH(TransposedChunk)(part);
  });
}

}  // namespace cutaway::kernels
#endif
