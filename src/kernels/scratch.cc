#include "kernels/scratch.h"

#include <algorithm>
#include <memory>
#include <new>

namespace cutaway::kernels {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Free {
  void operator()(float* p) const noexcept { ::operator delete(p, kAlignment); }
};

struct Scratch {
  std::unique_ptr<float, Free> data;
  std::size_t floats = 0;
};

}  // namespace

float* thread_scratch(std::size_t floats) {
  thread_local Scratch scratch;
  if (scratch.floats < floats) {
    const std::size_t grown = std::max(floats, scratch.floats + scratch.floats / 2);
    scratch.data.reset();
    scratch.floats = 0;
    scratch.data.reset(static_cast<float*>(::operator new(grown * sizeof(float), kAlignment)));
    scratch.floats = grown;
  }
  return scratch.data.get();
}

}  // namespace cutaway::kernels
