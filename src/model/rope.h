// Rotary position embedding (Su et al. 2021): frequencies with their scaling, and the tables of a
// pass.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <cutaway/config.h>
#include <cutaway/tensor.h>

namespace cutaway {

/// One frequency a pair of dimensions, scaled as the config says.
///
/// theta^(-2i/d_head), i < d_head/2; linear: divided by `factor`; llama3: by wavelength, as in
/// transformers' `_compute_llama3_parameters`. Rounded to f32 after each step as Hugging Face does,
/// since the models were trained on those values.
std::vector<float> rope_frequencies(const RopeConfig& rope, std::size_t d_head);

/// cos and sin [pos, d_head / 2] for the positions given. The angle is the f32 product position ×
/// frequency, as in Hugging Face.
struct RopeTables {
  Tensor cos, sin;
};
RopeTables rope_tables(std::span<const float> frequencies, std::span<const std::size_t> positions);

}  // namespace cutaway
