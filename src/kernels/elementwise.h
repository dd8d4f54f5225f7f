// Element by element, and row by row. Every function gives the same bits for any number of threads
// or rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <cutaway/tensor.h>

namespace cutaway::kernels {

void add(std::span<const float> x, std::span<float> y) noexcept;       ///< y += x
void multiply(std::span<const float> x, std::span<float> y) noexcept;  ///< y *= x
void scale(float factor, std::span<float> y) noexcept;                 ///< y *= factor
void add_scaled(std::span<const float> x, float factor,
                std::span<float> y) noexcept;  ///< y += factor · x
void add_to_rows(std::span<const float> bias,
                 TensorView<float, 2> y) noexcept;  ///< each row += bias

void silu(std::span<const float> x,
          std::span<float> y) noexcept;  ///< x · σ(x); x and y may be the same
void gelu(std::span<const float> x,
          std::span<float> y) noexcept;  ///< ½x(1 + erf(x/√2)); error at most 5e-7 absolute
void gelu_tanh(std::span<const float> x,
               std::span<float> y) noexcept;  ///< ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
void relu(std::span<const float> x,
          std::span<float> y) noexcept;  ///< max(x, 0); NaN and -0 stay; x and y may be the same
void softcap(float cap,
             std::span<float> y) noexcept;  ///< y = cap · tanh(y / cap); infinities become ±cap

/// scale[m] = sqrt(mean over the row of x² + eps); sums in f32 by 2 × 16 lanes in a fixed order.
void rms_scale(TensorView<const float, 2> x, float eps, std::span<float> scale) noexcept;
void divide_rows(TensorView<const float, 2> x, std::span<const float> scale,
                 TensorView<float, 2> y) noexcept;  ///< y[m, i] = x[m, i] / scale[m]
void multiply_columns(TensorView<const float, 2> x, std::span<const float> weight,
                      TensorView<float, 2> y) noexcept;  ///< y[m, i] = x[m, i] · weight[i]
/// The three above in one pass, with the same bits.
void rms_norm(TensorView<const float, 2> x, std::span<const float> weight, float eps,
              TensorView<float, 2> y) noexcept;

/// y = x - mean of its row; the sum in f32 in the order of rms_scale. x and y may be the same.
void center_rows(TensorView<const float, 2> x, TensorView<float, 2> y) noexcept;
/// y = (x - mean) / sqrt(variance + eps) · weight + bias, the variance in a second pass over the
/// centred row. An empty weight or bias is left out. The same bits as center_rows, rms_scale,
/// divide_rows, multiply_columns and add_to_rows one after another. x and y may be the same.
void layer_norm(TensorView<const float, 2> x, std::span<const float> weight,
                std::span<const float> bias, float eps, TensorView<float, 2> y) noexcept;

/// Rotate pairs (x[i], x[i + d/2]) of every head in place (Su et al. 2021, half-split as in Hugging
/// Face). x [pos, head, d], cos and sin [pos, d / 2]; the heads may be wider than d.
void rope(TensorView<float, 3> x, TensorView<const float, 2> cos,
          TensorView<const float, 2> sin) noexcept;
/// The same for the pairs (x[2i], x[2i + 1]), as in the paper, GPT-J and Cohere; the same bits.
void rope_pairs(TensorView<float, 3> x, TensorView<const float, 2> cos,
                TensorView<const float, 2> sin) noexcept;

/// In place: exp(y - max) / sum. -inf gives exactly 0; a row of only -inf becomes all 0; +inf or
/// NaN in the row gives NaN.
void softmax(std::span<float> y) noexcept;

/// log of the sum of exp, in f64.
double log_sum_exp(std::span<const float> y) noexcept;
/// Index of the largest; the first of equals; NaN never wins. An empty row, or only NaN, gives
/// size().
std::size_t argmax(std::span<const float> y) noexcept;
/// Indices of the k largest, descending; equal values by ascending index; NaN never enters. Fewer
/// than k if the row is shorter.
void top_k(std::span<const float> y, std::size_t k, std::vector<std::size_t>& out);
bool all_finite(std::span<const float> y) noexcept;

}  // namespace cutaway::kernels
