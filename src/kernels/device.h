// The seam between the forward pass and the hardware: every operation that a pass needs, on arrays
// that the device allocated.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <cutaway/tensor.h>

#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "tensor/weight_view.h"

namespace cutaway {

/// Memory of a device, f32. On the CPU it is ordinary memory.
class Buffer {
 public:
  Buffer() = default;
  Buffer(float* data, std::size_t size, std::shared_ptr<void> owner)
      : data_(data), size_(size), owner_(std::move(owner)) {}
  float* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  template <std::size_t Rank>
  TensorView<float, Rank> view(std::array<std::size_t, Rank> extents) const {
    return {data_, extents};
  }

 private:
  float* data_ = nullptr;
  std::size_t size_ = 0;
  std::shared_ptr<void> owner_;
};

enum class Activation : std::uint8_t { kSilu, kGelu, kGeluTanh, kRelu };

/// One product y = x Wᵀ (+ bias) of several that share x.
struct Product {
  WeightView weight;
  std::span<const float> bias;  ///< empty: none
  TensorView<float, 2> y;
};

/// Safe to use from several threads; holds no model and no state of a pass. Every operation gives
/// the same bits for any number of threads, and a row's result does not depend on the other rows.
/// Shapes are the caller's business (checked in debug builds).
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const noexcept = 0;

  virtual Buffer allocate(std::size_t count) = 0;  ///< not filled
  /// Host memory that shows the array, for hooks; `unmap` makes changes visible to the device. The
  /// CPU returns the array itself.
  virtual TensorView<float, 2> map(TensorView<float, 2> rows) = 0;
  virtual void unmap(TensorView<float, 2> rows, bool changed) = 0;

  virtual void embed(WeightView table, std::span<const std::int32_t> ids, float scale,
                     TensorView<float, 2> out) = 0;
  virtual void linear(TensorView<const float, 2> x, std::span<const Product> products) = 0;
  /// dx = g W: what the gradient g of y = x Wᵀ is for x. Several products of one x each have their
  /// own; their sum is the caller's, in an order of its choice. dx and g share no memory.
  virtual void linear_vjp(TensorView<const float, 2> g, WeightView weight,
                          TensorView<float, 2> dx) = 0;
  virtual void rms_norm(TensorView<const float, 2> x, std::span<const float> weight, float eps,
                        TensorView<float, 2> y) = 0;
  virtual void rms_scale(TensorView<const float, 2> x, float eps, std::span<float> scale) = 0;
  virtual void divide_rows(TensorView<const float, 2> x, std::span<const float> scale,
                           TensorView<float, 2> y) = 0;
  virtual void multiply_columns(TensorView<const float, 2> x, std::span<const float> weight,
                                TensorView<float, 2> y) = 0;
  /// y = (x - mean) / sqrt(variance + eps) · weight + bias by row; an empty weight or bias is left
  /// out. The same bits as center_rows, rms_scale, divide_rows, multiply_columns and add_columns
  /// one after another. x and y may be the same.
  virtual void layer_norm(TensorView<const float, 2> x, std::span<const float> weight,
                          std::span<const float> bias, float eps, TensorView<float, 2> y) = 0;
  virtual void center_rows(TensorView<const float, 2> x,
                           TensorView<float, 2> y) = 0;  ///< y = x - mean of its row
  virtual void add_columns(std::span<const float> bias,
                           TensorView<float, 2> y) = 0;  ///< y[m, i] += bias[i]
  virtual void multiply_rows(std::span<const float> factors,
                             TensorView<float, 2> y) = 0;        ///< y[m, i] *= factors[m]
  virtual void scale(float factor, TensorView<float, 2> y) = 0;  ///< y *= factor
  virtual void activate(Activation act, TensorView<const float, 2> x,
                        TensorView<float, 2> y) = 0;  ///< x and y may be the same
  virtual void add(TensorView<const float, 2> x, TensorView<float, 2> y) = 0;       ///< y += x
  virtual void multiply(TensorView<const float, 2> x, TensorView<float, 2> y) = 0;  ///< y *= x
  virtual void softcap(float cap, TensorView<float, 2> y) = 0;
  /// Rotate the pairs (x[i], x[i + d/2]) of every head; x [pos, head, d], which may be the first
  /// columns of wider heads (a partial rotation).
  virtual void rope(TensorView<float, 3> x, TensorView<const float, 2> cos,
                    TensorView<const float, 2> sin) = 0;
  /// The same for the pairs (x[2i], x[2i + 1]).
  virtual void rope_pairs(TensorView<float, 3> x, TensorView<const float, 2> cos,
                          TensorView<const float, 2> sin) = 0;
  virtual void copy(TensorView<const float, 2> x, TensorView<float, 2> y) = 0;
  virtual void gather_rows(TensorView<const float, 2> x, std::span<const std::size_t> rows,
                           TensorView<float, 2> y) = 0;  ///< y[i] = x[rows[i]]
  /// y[rows[i]] += factors[i] · x[i]; rows are distinct.
  virtual void add_scaled_rows(TensorView<const float, 2> x, std::span<const std::size_t> rows,
                               std::span<const float> factors, TensorView<float, 2> y) = 0;

  /// Put rows of k or v [pos, kv_head, d_head] into a store at `first_pos` (keys lie transposed,
  /// see kernels/attention.h).
  virtual void store_keys(TensorView<const float, 3> k, std::size_t first_pos,
                          TensorView<float, 3> store) = 0;
  virtual void store_values(TensorView<const float, 3> v, std::size_t first_pos,
                            TensorView<float, 3> store) = 0;
  virtual void attention(const kernels::AttentionShape& shape, TensorView<const float, 3> q,
                         kernels::KeyView k, kernels::ValueView v, TensorView<float, 3> z) = 0;
  virtual void attention_scores(const kernels::AttentionShape& shape, TensorView<const float, 3> q,
                                kernels::KeyView k, TensorView<float, 3> scores) = 0;
  virtual void attention_cap_and_mask(const kernels::AttentionShape& shape,
                                      TensorView<float, 3> scores) = 0;
  virtual void attention_softmax(TensorView<float, 3> scores) = 0;
  virtual void attention_values(const kernels::AttentionShape& shape,
                                TensorView<const float, 3> pattern, kernels::ValueView v,
                                TensorView<float, 3> z) = 0;
};

/// The CPU, with the threads of `pool`.
std::unique_ptr<Device> make_cpu_device(ThreadPool& pool);

}  // namespace cutaway
