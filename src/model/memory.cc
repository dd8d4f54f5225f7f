#include "model/memory.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <cutaway/error.h>
#include <fmt/format.h>

namespace cutaway {
namespace {

constexpr std::uint64_t kFloat = sizeof(float);

/// Resident bytes of the process now; 0 if the system does not say.
std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long size = 0, resident = 0;
  const int read = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t bytes_of(WeightView w) { return static_cast<std::uint64_t>(w.rows) * w.row_bytes; }

/// Weights that a layer reads. Transposed ones lie row by input.
std::uint64_t bytes_of(const LinearWeights& w) {
  return w.weight.transposed ? static_cast<std::uint64_t>(w.weight.cols) * w.weight.row_bytes
                             : bytes_of(w.weight);
}

std::uint64_t bytes_of(const MlpWeights& w) {
  return bytes_of(w.gate) + bytes_of(w.up) + bytes_of(w.down);
}

std::uint64_t bytes_of(const Block& b) {
  std::uint64_t n = bytes_of(b.q) + bytes_of(b.k) + bytes_of(b.v) + bytes_of(b.o) +
                    bytes_of(b.qkv_by_head) + bytes_of(b.mlp) + bytes_of(b.shared_expert);
  for (const MlpWeights& expert : b.experts) n += bytes_of(expert);
  return n;
}

/// Floats a row of the pass's buffers, and of the padded copy that a product makes of its input.
std::uint64_t row_floats(const ModelConfig& c) {
  const std::uint64_t q = c.n_heads * c.d_head, kv = c.n_kv_heads * c.d_head;
  std::uint64_t mlp = c.d_mlp * (c.is_gated ? 2 : 1), widest = std::max<std::uint64_t>(c.d_mlp, q);
  if (c.moe.n_experts > 0) {
    mlp += 2 * (c.moe.d_expert + c.moe.d_shared_expert + c.moe.n_experts + c.d_model);
    widest = std::max<std::uint64_t>({widest, c.moe.d_expert, c.moe.d_shared_expert});
  }
  widest = std::max<std::uint64_t>(widest, c.d_model) + 64;
  return 6 * c.d_model + 2 * q + 2 * kv + (q + 2 * kv) + mlp + widest + c.rope.dims;
}

}  // namespace

MemoryUse memory_use(const Model::Impl& m, std::span<const std::size_t> lengths, std::size_t extra,
                     std::size_t slots, const HookPlan& plan, LogitRows want) {
  const ModelConfig& c = m.config;
  MemoryUse use;
  std::uint64_t rows = 0, longest = 0, pairs = 0, capacity = 0;
  for (std::size_t length : lengths) {
    rows += length;
    longest = std::max<std::uint64_t>(longest, length);
    pairs += static_cast<std::uint64_t>(length) * length;
    capacity += length + extra;
  }
  const std::uint64_t padded = lengths.size() * longest;
  const auto threads = static_cast<std::uint64_t>(m.runtime.threads());
  // Attention takes 24 queries at a time, each thread by itself.
  use.activations = kFloat * (rows * row_floats(c) + threads * 24 * (longest + extra + 64));
  use.kv_store = kFloat * 2 * slots * c.n_kv_heads * c.d_head * capacity;
  const std::uint64_t logit_rows = want == LogitRows::kAll ? rows : lengths.size();
  // The device's array, the caller's, and one more if ragged rows are padded.
  const std::uint64_t copies = want == LogitRows::kNone ? 0 : padded == rows ? 2 : 3;
  use.logits = kFloat * copies * logit_rows * c.d_vocab;
  for (HookPoint point : plan.points()) {
    const PointPlan& p = *plan.find(point.site(), point.layer(), point.expert());
    std::uint64_t width = 1;
    bool is_edge = false;
    for (Axis axis : site_info(point.site()).axes) {
      is_edge = is_edge || axis == Axis::kQPos;
      width *= std::max<std::size_t>(axis_extent(axis, plan.dims()), 1);
    }
    const std::uint64_t count =
        kFloat * width * (is_edge ? lengths.size() * longest * longest : padded);
    const bool calls = std::ranges::any_of(
        p.edits, [](const PlannedEdit& e) { return e.edit->kind == EditKind::kCall; });
    use.captures += count * ((p.capture_before ? 1 : 0) + (p.capture_after ? 1 : 0));
    if (calls) use.activations = std::max(use.activations, use.activations + count);
    if (is_edge) use.edges = std::max(use.edges, kFloat * c.n_heads * pairs);
    if (point.site() == Site::kLogits || point.site() == Site::kFinalNorm)
      use.logits = std::max(use.logits, kFloat * 2 * rows * c.d_vocab);
    if (point.site() == Site::kResult)
      use.edges = std::max(use.edges, kFloat * c.n_heads * (2 * rows + c.d_head) * c.d_model);
  }
  return use;
}

WeightMemory check_memory(const Model::Impl& m, const MemoryUse& use) {
  const std::uint64_t limit = m.runtime.memory_limit();
  if (limit == 0) return WeightMemory::kKept;
  std::uint64_t weights = 0, largest = 0;
  for (const auto& [name, t] : m.weights.tensors) weights += t.bytes.size();
  for (const Block& b : m.weights.blocks) largest = std::max(largest, bytes_of(b));
  const std::uint64_t before = resident_bytes();
  if (before + use.total() + weights <= limit) return WeightMemory::kKept;
  // What earlier runs left mapped is counted once.
  for (const auto& [name, t] : m.weights.tensors) t.file->release(t.bytes);
  const std::uint64_t base = resident_bytes();
  if (base + use.total() + weights <= limit) return WeightMemory::kKept;
  const std::uint64_t least = base + use.total() + largest + kUnembedPiece;
  if (least <= limit) return WeightMemory::kReleased;
  throw ArgumentError(
      "memory",
      fmt::format("this run needs {} (the process {}, activations {}, captures and scores {}, "
                  "logits {}, keys and values {}, one layer's weights {}), and {} is allowed",
                  bytes_text(least), bytes_text(base), bytes_text(use.activations),
                  bytes_text(use.captures + use.edges), bytes_text(use.logits),
                  bytes_text(use.kv_store), bytes_text(largest + kUnembedPiece),
                  bytes_text(limit)));
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes >= 1000000000) return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace cutaway
