// Keys and values of one sequence, layer by layer.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/device.h"

namespace cutaway {

/// What attention reads: keys [kv_head, d_head, capacity] (transposed, see kernels/attention.h) and
/// values [kv_head, capacity, d_head]. A kept store has a slot a layer and lives through a
/// generation; a scratch store has one slot that all layers of a single pass share.
class KvStore {
 public:
  KvStore(Device& device, std::size_t slots, std::size_t kv_heads, std::size_t d_head,
          std::size_t capacity);

  TensorView<float, 3> keys(std::size_t layer) const;
  TensorView<float, 3> values(std::size_t layer) const;
  std::size_t capacity() const noexcept { return capacity_; }
  /// Positions that are stored; the next pass continues there.
  std::size_t length = 0;

 private:
  std::size_t kv_heads_, d_head_, capacity_;
  std::vector<Buffer> keys_, values_;
};

}  // namespace cutaway
