#include "model/kv_store.h"

namespace cutaway {
namespace {
constexpr std::size_t kLine = 16;  // floats of a cache line: every row of keys starts on one
}

KvStore::KvStore(Device& device, std::size_t slots, std::size_t kv_heads, std::size_t d_head,
                 std::size_t capacity)
    : kv_heads_(kv_heads), d_head_(d_head), capacity_((capacity + kLine - 1) / kLine * kLine) {
  for (std::size_t i = 0; i < slots; ++i) {
    keys_.push_back(device.allocate(kv_heads_ * d_head_ * capacity_));
    values_.push_back(device.allocate(kv_heads_ * d_head_ * capacity_));
  }
}

TensorView<float, 3> KvStore::keys(std::size_t layer) const {
  return keys_[layer % keys_.size()].view<3>({kv_heads_, d_head_, capacity_});
}
TensorView<float, 3> KvStore::values(std::size_t layer) const {
  return values_[layer % values_.size()].view<3>({kv_heads_, capacity_, d_head_});
}

}  // namespace cutaway
