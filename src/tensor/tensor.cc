#include <cutaway/error.h>
#include <cutaway/tensor.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace cutaway {
namespace {

constexpr std::align_val_t kAlignment{64};  // one cache line, one AVX-512 vector

std::size_t checked_size(const std::vector<std::size_t>& shape) {
  std::size_t n = 1;
  for (std::size_t e : shape) {
    if (e != 0 && n > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(float) / e) {
      throw ArgumentError("shape", shape_string(shape) + " has more elements than memory can hold");
    }
    n *= e;
  }
  return n;
}

float* allocate(std::size_t count) {
  return static_cast<float*>(
      ::operator new(std::max<std::size_t>(count, 1) * sizeof(float), kAlignment));
}

}  // namespace

void Tensor::Free::operator()(float* p) const noexcept { ::operator delete(p, kAlignment); }

Tensor Tensor::uninitialized(std::vector<std::size_t> shape) {
  Tensor t;
  t.size_ = checked_size(shape);
  t.shape_ = std::move(shape);
  t.data_.reset(allocate(t.size_));
  return t;
}

Tensor::Tensor(std::vector<std::size_t> shape) : Tensor(uninitialized(std::move(shape))) {
  std::fill_n(data(), size_, 0.0F);
}

Tensor::Tensor(std::vector<std::size_t> shape, std::span<const float> values)
    : Tensor(uninitialized(std::move(shape))) {
  if (values.size() != size_) {
    throw ShapeError("values",
                     std::to_string(values.size()) + " numbers for shape " + shape_string(shape_));
  }
  std::copy(values.begin(), values.end(), data());
}

Tensor::Tensor(const Tensor& other) : shape_(other.shape_), size_(other.size_) {
  if (!other.data_) return;
  data_.reset(allocate(size_));
  std::copy_n(other.data(), size_, data());
}

Tensor& Tensor::operator=(const Tensor& other) {
  if (this != &other) *this = Tensor(other);
  return *this;
}

void Tensor::reshape(std::vector<std::size_t> shape) {
  if (checked_size(shape) != size_) {
    throw ShapeError("tensor",
                     "shape " + shape_string(shape_) + " cannot become " + shape_string(shape));
  }
  shape_ = std::move(shape);
}

void Tensor::check_rank(std::size_t rank) const {
  if (rank != shape_.size()) {
    throw ShapeError(
        "tensor", "shape " + shape_string(shape_) + ", expected " + std::to_string(rank) + " axes");
  }
}

std::string shape_string(std::span<const std::size_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

}  // namespace cutaway
