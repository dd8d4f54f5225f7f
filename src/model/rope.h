// Rotary position embedding (Su et al. 2021): frequencies with their scaling, and the tables of a
// pass.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <cutaway/config.h>
#include <cutaway/tensor.h>

namespace cutaway {

/// One frequency a pair of rotated dimensions, for a text of `length` positions, scaled as the
/// config says.
///
/// theta^(-2i/dims), i < dims/2, then as in transformers' modeling_rope_utils: linear: divided by
/// `factor`; llama3: by wavelength; dynamic: theta grows with the text's length beyond
/// `original_n_ctx` (NTK-aware); yarn: a ramp between divided and not (Peng et al. 2023); longrope:
/// one divisor each, of its own beyond `original_n_ctx` (Ding et al. 2024). Rounded to f32 after
/// each step as Hugging Face does, since the models were trained on those values.
std::vector<float> rope_frequencies(const RopeConfig& rope, std::size_t length);

/// cos and sin, a row of dims/2 each for the positions given, times the scaling's attention factor.
/// The angle is the f32 product position × frequency, as in Hugging Face.
struct RopeTables {
  Tensor cos, sin;
};
/// A stretch of rows: positions [first, first + count) of a text of `length`.
struct RopeSpan {
  std::size_t first, count, length;
};
RopeTables rope_tables(const RopeConfig& rope, std::span<const RopeSpan> spans);

}  // namespace cutaway
