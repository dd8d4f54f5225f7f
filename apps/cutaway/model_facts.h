// Facts of a loaded model that both forms of `info` show.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <cutaway/model.h>

namespace cutaway::cli {

/// The config's fields by their names, in the header's order.
using FactValue = std::variant<bool, std::int64_t, double, std::string>;
std::vector<std::pair<std::string, FactValue>> config_facts(const ModelConfig& config);

struct DTypeUse {
  DType dtype;
  std::size_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
};
/// By bytes, descending.
std::vector<DTypeUse> dtype_use(const Model& model);

/// Bytes that a run needs. Weights are mapped, so they count once for all processes and can be
/// dropped by the system; the KV cache holds f32 keys and values.
struct MemoryNeed {
  std::uint64_t weights = 0;
  std::uint64_t kv_cache_per_token = 0;
  std::uint64_t kv_cache_full_context = 0;
  std::uint64_t logits_per_token = 0;
};
MemoryNeed memory_need(const Model& model);

/// "538.1 MB": decimal units, one decimal.
std::string format_bytes(std::uint64_t bytes);
/// "134,515,008".
std::string format_count(std::uint64_t count);

}  // namespace cutaway::cli
