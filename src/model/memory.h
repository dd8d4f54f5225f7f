// What a run needs in memory, and whether the caller's limit allows it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <cutaway/model.h>

#include "hooks/plan.h"
#include "model/model_impl.h"

namespace cutaway {

/// Bytes of one pass, from the shapes alone.
struct MemoryUse {
  std::uint64_t activations = 0;  ///< buffers of the pass
  std::uint64_t edges = 0;        ///< whole score matrices, if a hook looks at them
  std::uint64_t captures = 0;     ///< what the caller gets, and copies for user functions
  std::uint64_t logits = 0;
  std::uint64_t kv_store = 0;
  std::uint64_t total() const noexcept {
    return activations + edges + captures + logits + kv_store;
  }
};

/// `lengths`: positions of each sequence; `extra`: how many more each may get; `slots`: layers that
/// the KV store keeps.
MemoryUse memory_use(const Model::Impl& model, std::span<const std::size_t> lengths,
                     std::size_t extra, std::size_t slots, const HookPlan& plan, LogitRows want);

/// Bytes of W_U that a product reads before their pages are let go.
inline constexpr std::uint64_t kUnembedPiece = std::uint64_t{16} << 20;

/// How the weights are held while a pass runs.
enum class WeightMemory : std::uint8_t {
  kKept,      ///< all of them stay mapped
  kReleased,  ///< a layer's pages are let go when it is done
};

/// Compares with Runtime::memory_limit. throws ArgumentError naming what is needed and what is
/// allowed.
WeightMemory check_memory(const Model::Impl& model, const MemoryUse& use);

/// "1.5 GB", "300.0 MB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace cutaway
