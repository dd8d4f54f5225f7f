// numpy arrays from and to the library's own values.
#pragma once

#include <cutaway/tensor.h>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cutaway::python {

namespace nb = nanobind;

using FloatArray = nb::ndarray<nb::numpy, float>;
using DoubleArray = nb::ndarray<nb::numpy, double>;
using IntArray = nb::ndarray<nb::numpy, std::int64_t>;
/// What Python hands over: already f32 and contiguous, since the Python side converts (and says
/// what it may lose). nanobind alone would turn float64 into float32 without a word.
using FloatInput = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;

/// The array takes the tensor's memory: no copy, and it lives as long as any view of it does.
inline FloatArray to_numpy(Tensor&& tensor) {
  auto* owned = new Tensor(std::move(tensor));
  nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<Tensor*>(p); });
  return {owned->data(), owned->rank(), owned->shape().data(), owner};
}

template <typename Out, typename T>
nb::ndarray<nb::numpy, Out> to_numpy(std::vector<T> values, std::vector<std::size_t> shape) {
  auto* owned = new std::vector<Out>(values.begin(), values.end());
  nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<Out>*>(p); });
  return {owned->data(), shape.size(), shape.data(), owner};
}

inline std::vector<std::size_t> shape_of(const FloatInput& array) {
  std::vector<std::size_t> shape(array.ndim());
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = array.shape(i);
  return shape;
}

inline Tensor to_tensor(const FloatInput& array) {
  return {shape_of(array), {array.data(), array.size()}};
}

}  // namespace cutaway::python
