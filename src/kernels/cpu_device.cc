#include <algorithm>

#include "kernels/dequant.h"
#include "kernels/device.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/linear_vjp.h"

namespace cutaway {
namespace {

/// Enough elements in a unit to pay for handing it out.
constexpr std::size_t kUnitElements = 16384;

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(ThreadPool& pool) : pool_(pool) {}

  std::string_view name() const noexcept override { return "cpu"; }

  Buffer allocate(std::size_t count) override {
    auto owner = std::make_shared<Tensor>(Tensor::uninitialized({count}));
    float* data = owner->data();
    return {data, count, std::move(owner)};
  }
  TensorView<float, 2> map(TensorView<float, 2> rows) override { return rows; }
  void unmap(TensorView<float, 2>, bool) override {}

  void embed(WeightView table, std::span<const std::int32_t> ids, float scale,
             TensorView<float, 2> out) override {
    for_rows(out, [&](std::size_t i) {
      kernels::dequantize_row(table, static_cast<std::size_t>(ids[i]), out.row(i));
      if (scale != 1.0F) kernels::scale(scale, out.row(i));
    });
  }

  void linear(TensorView<const float, 2> x, std::span<const Product> products) override {
    const kernels::LinearInput input(x);
    for (const Product& product : products) {
      kernels::linear(input, product.weight, product.y, pool_);
      if (!product.bias.empty()) kernels::add_to_rows(product.bias, product.y);
    }
  }

  void linear_vjp(TensorView<const float, 2> g, WeightView weight,
                  TensorView<float, 2> dx) override {
    kernels::linear_vjp(g, weight, dx, pool_);
  }

  void rms_norm(TensorView<const float, 2> x, std::span<const float> weight, float eps,
                TensorView<float, 2> y) override {
    for_row_blocks(x, [&](std::size_t begin, std::size_t end) {
      kernels::rms_norm(rows(x, begin, end), weight, eps, rows(y, begin, end));
    });
  }
  void rms_scale(TensorView<const float, 2> x, float eps, std::span<float> scale) override {
    kernels::rms_scale(x, eps, scale);
  }
  void divide_rows(TensorView<const float, 2> x, std::span<const float> scale,
                   TensorView<float, 2> y) override {
    kernels::divide_rows(x, scale, y);
  }
  void multiply_columns(TensorView<const float, 2> x, std::span<const float> weight,
                        TensorView<float, 2> y) override {
    kernels::multiply_columns(x, weight, y);
  }

  void layer_norm(TensorView<const float, 2> x, std::span<const float> weight,
                  std::span<const float> bias, float eps, TensorView<float, 2> y) override {
    for_row_blocks(x, [&](std::size_t begin, std::size_t end) {
      kernels::layer_norm(rows(x, begin, end), weight, bias, eps, rows(y, begin, end));
    });
  }
  void center_rows(TensorView<const float, 2> x, TensorView<float, 2> y) override {
    kernels::center_rows(x, y);
  }
  void add_columns(std::span<const float> bias, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::add(bias, y.row(i)); });
  }
  void multiply_rows(std::span<const float> factors, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::scale(factors[i], y.row(i)); });
  }
  void scale(float factor, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::scale(factor, y.row(i)); });
  }

  void activate(Activation act, TensorView<const float, 2> x, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) {
      switch (act) {
        case Activation::kSilu:
          return kernels::silu(x.row(i), y.row(i));
        case Activation::kGelu:
          return kernels::gelu(x.row(i), y.row(i));
        case Activation::kGeluTanh:
          return kernels::gelu_tanh(x.row(i), y.row(i));
        case Activation::kRelu:
          return kernels::relu(x.row(i), y.row(i));
      }
    });
  }
  void add(TensorView<const float, 2> x, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::add(x.row(i), y.row(i)); });
  }
  void multiply(TensorView<const float, 2> x, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::multiply(x.row(i), y.row(i)); });
  }
  void softcap(float cap, TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { kernels::softcap(cap, y.row(i)); });
  }
  void copy(TensorView<const float, 2> x, TensorView<float, 2> y) override {
    for (std::size_t i = 0; i < y.extent(0); ++i) std::ranges::copy(x.row(i), y.row(i).begin());
  }
  void rope(TensorView<float, 3> x, TensorView<const float, 2> cos,
            TensorView<const float, 2> sin) override {
    kernels::rope(x, cos, sin);
  }
  void rope_pairs(TensorView<float, 3> x, TensorView<const float, 2> cos,
                  TensorView<const float, 2> sin) override {
    kernels::rope_pairs(x, cos, sin);
  }
  void gather_rows(TensorView<const float, 2> x, std::span<const std::size_t> rows,
                   TensorView<float, 2> y) override {
    for_rows(y, [&](std::size_t i) { std::ranges::copy(x.row(rows[i]), y.row(i).begin()); });
  }
  void add_scaled_rows(TensorView<const float, 2> x, std::span<const std::size_t> rows,
                       std::span<const float> factors, TensorView<float, 2> y) override {
    for_rows(x, [&](std::size_t i) { kernels::add_scaled(x.row(i), factors[i], y.row(rows[i])); });
  }

  void store_keys(TensorView<const float, 3> k, std::size_t first_pos,
                  TensorView<float, 3> store) override {
    const std::size_t heads = k.extent(1), d_head = k.extent(2);
    // Sixteen positions at a time, so that each line of the store is written whole.
    constexpr std::size_t kBlock = 16;
    const std::size_t blocks = (k.extent(0) + kBlock - 1) / kBlock;
    pool_.parallel_for(blocks * heads, [&](std::size_t unit) {
      const std::size_t h = unit % heads, begin = unit / heads * kBlock;
      const std::size_t end = std::min(begin + kBlock, k.extent(0));
      for (std::size_t d = 0; d < d_head; ++d) {
        float* to = &store(h, d, first_pos);
        for (std::size_t i = begin; i < end; ++i) to[i] = k(i, h, d);
      }
    });
  }
  void store_values(TensorView<const float, 3> v, std::size_t first_pos,
                    TensorView<float, 3> store) override {
    for (std::size_t i = 0; i < v.extent(0); ++i) {
      for (std::size_t h = 0; h < v.extent(1); ++h)
        std::copy_n(&v(i, h, 0), v.extent(2), &store(h, first_pos + i, 0));
    }
  }
  void attention(const kernels::AttentionShape& shape, TensorView<const float, 3> q,
                 kernels::KeyView k, kernels::ValueView v, TensorView<float, 3> z) override {
    kernels::attention(shape, q, k, v, z, pool_);
  }
  void attention_scores(const kernels::AttentionShape& shape, TensorView<const float, 3> q,
                        kernels::KeyView k, TensorView<float, 3> scores) override {
    kernels::attention_scores(shape, q, k, scores, pool_);
  }
  void attention_cap_and_mask(const kernels::AttentionShape& shape,
                              TensorView<float, 3> scores) override {
    kernels::attention_cap_and_mask(shape, scores, pool_);
  }
  void attention_softmax(TensorView<float, 3> scores) override {
    kernels::attention_softmax(scores, pool_);
  }
  void attention_values(const kernels::AttentionShape& shape, TensorView<const float, 3> pattern,
                        kernels::ValueView v, TensorView<float, 3> z) override {
    kernels::attention_values(shape, pattern, v, z, pool_);
  }

 private:
  template <typename T>
  static TensorView<T, 2> rows(TensorView<T, 2> x, std::size_t begin, std::size_t end) {
    return {x.data() + begin * x.stride(0), {end - begin, x.extent(1)}, {x.stride(0), x.stride(1)}};
  }

  template <typename T, typename Body>
  void for_row_blocks(TensorView<T, 2> x, Body body) {
    const std::size_t n = x.extent(0);
    const std::size_t block =
        std::max<std::size_t>(1, kUnitElements / std::max<std::size_t>(1, x.extent(1)));
    pool_.parallel_for((n + block - 1) / block, [&](std::size_t unit) {
      body(unit * block, std::min(n, (unit + 1) * block));
    });
  }
  template <typename T, typename Body>
  void for_rows(TensorView<T, 2> x, Body body) {
    for_row_blocks(x, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) body(i);
    });
  }

  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(ThreadPool& pool) {
  return std::make_unique<CpuDevice>(pool);
}

}  // namespace cutaway
