// f32 arrays: `Tensor` owns, `TensorView` borrows.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace cutaway {

/// A borrowed array of known rank: pointer, extents, strides (in elements). Passed by value; never
/// outlives what it points into.
template <typename T, std::size_t Rank>
class TensorView {
 public:
  TensorView() = default;
  /// Row-major over contiguous memory.
  TensorView(T* data, std::array<std::size_t, Rank> extents) : data_(data), extents_(extents) {
    std::size_t stride = 1;
    for (std::size_t i = Rank; i-- > 0;) {
      strides_[i] = stride;
      stride *= extents_[i];
    }
  }
  TensorView(T* data, std::array<std::size_t, Rank> extents, std::array<std::size_t, Rank> strides)
      : data_(data), extents_(extents), strides_(strides) {}
  /// A view of mutable elements is also a view of constant ones.
  template <typename U>
  requires std::is_same_v<T, const U> TensorView(
      TensorView<U, Rank>
          other)  // NOLINT(google-explicit-constructor): the conversion that span has
      : data_(other.data()), extents_(other.extents()), strides_(other.strides()) {}

  T* data() const noexcept { return data_; }
  std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
  std::size_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
  const std::array<std::size_t, Rank>& extents() const noexcept { return extents_; }
  const std::array<std::size_t, Rank>& strides() const noexcept { return strides_; }
  std::size_t size() const noexcept {
    std::size_t n = 1;
    for (std::size_t e : extents_) n *= e;
    return n;
  }

  template <typename... Index>
  requires(sizeof...(Index) == Rank) T& operator()(Index... index) const noexcept {
    const std::array<std::size_t, Rank> at{static_cast<std::size_t>(index)...};
    std::size_t offset = 0;
    for (std::size_t i = 0; i < Rank; ++i) {
      assert(at[i] < extents_[i]);
      offset += at[i] * strides_[i];
    }
    return data_[offset];
  }

  /// The contiguous last axis at a leading index (rank 2: a row).
  std::span<T> row(std::size_t i) const noexcept requires(Rank == 2) {
    assert(i < extents_[0] && strides_[1] == 1);
    return {data_ + i * strides_[0], extents_[1]};
  }

 private:
  T* data_ = nullptr;
  std::array<std::size_t, Rank> extents_{};
  std::array<std::size_t, Rank> strides_{};
};

/// A row-major f32 array that owns its memory (64-byte aligned). Copying copies the numbers.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. throws ArgumentError if the number of elements overflows.
  explicit Tensor(std::vector<std::size_t> shape);
  Tensor(std::vector<std::size_t> shape, std::span<const float> values);
  /// Not filled: for results that are written whole.
  static Tensor uninitialized(std::vector<std::size_t> shape);

  Tensor(const Tensor& other);
  Tensor& operator=(const Tensor& other);
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  ~Tensor() = default;

  const std::vector<std::size_t>& shape() const noexcept { return shape_; }
  std::size_t rank() const noexcept { return shape_.size(); }
  std::size_t extent(std::size_t axis) const { return shape_.at(axis); }
  std::size_t size() const noexcept { return size_; }
  /// The same numbers under another shape. throws ShapeError if the number of elements differs.
  void reshape(std::vector<std::size_t> shape);

  float* data() noexcept { return data_.get(); }
  const float* data() const noexcept { return data_.get(); }
  std::span<float> values() noexcept { return {data_.get(), size_}; }
  std::span<const float> values() const noexcept { return {data_.get(), size_}; }

  /// throws ShapeError if the rank is another.
  template <std::size_t Rank>
  TensorView<float, Rank> view() {
    return {data(), extents<Rank>()};
  }
  template <std::size_t Rank>
  TensorView<const float, Rank> view() const {
    return {data(), extents<Rank>()};
  }

 private:
  struct Free {
    void operator()(float* p) const noexcept;
  };
  template <std::size_t Rank>
  std::array<std::size_t, Rank> extents() const {
    check_rank(Rank);
    std::array<std::size_t, Rank> e{};
    for (std::size_t i = 0; i < Rank; ++i) e[i] = shape_[i];
    return e;
  }
  void check_rank(std::size_t rank) const;

  std::vector<std::size_t> shape_;
  std::size_t size_ = 0;
  std::unique_ptr<float[], Free> data_;
};

/// "[2, 5, 64]": how shapes are written in messages.
std::string shape_string(std::span<const std::size_t> shape);

}  // namespace cutaway
