#include "model/sampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "kernels/elementwise.h"

namespace cutaway {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}
constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream)
    : state_(mix(seed + kGolden) ^ mix(stream * kGolden)) {}

double RandomStream::next() {
  state_ += kGolden;
  return static_cast<double>(mix(state_) >> 11) * 0x1p-53;
}

void check_sampling(const GenerateOptions& options) {
  if (!std::isfinite(options.temperature) || options.temperature < 0.0F) {
    throw ArgumentError("temperature",
                        fmt::format("{}, expected a number of at least 0", options.temperature));
  }
  if (!(options.top_p > 0.0F && options.top_p <= 1.0F)) {
    throw ArgumentError("top_p",
                        fmt::format("{}, expected a number above 0 and at most 1", options.top_p));
  }
}

TokenId choose_token(std::span<const float> logits, const GenerateOptions& options,
                     RandomStream& random) {
  const std::size_t best = kernels::argmax(logits);
  const bool has_nan = std::ranges::any_of(logits, [](float x) { return std::isnan(x); });
  if (best >= logits.size() || has_nan || !std::isfinite(logits[best])) {
    throw Error("logits",
                "NaN or infinite, so there is no next token to choose (an edit made them so)");
  }
  if (options.temperature == 0.0F) return static_cast<TokenId>(best);

  const std::size_t k = options.top_k == 0 ? logits.size() : std::min(options.top_k, logits.size());
  std::vector<std::size_t> order;
  if (k < logits.size() || options.top_p < 1.0F) {
    kernels::top_k(logits, k, order);  // descending, as top_p needs
  } else {
    for (std::size_t i = 0; i < logits.size(); ++i) order.push_back(i);
  }
  std::vector<double> weights;
  double total = 0.0;
  for (std::size_t i : order) {
    weights.push_back(
        std::exp((static_cast<double>(logits[i]) - static_cast<double>(logits[best])) /
                 static_cast<double>(options.temperature)));
    total += weights.back();
  }
  if (options.top_p < 1.0F) {
    double kept = 0.0;
    std::size_t n = 0;
    while (n < weights.size() && kept < static_cast<double>(options.top_p) * total)
      kept += weights[n++];
    weights.resize(n);
    total = kept;
  }
  double left = random.next() * total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0.0) return static_cast<TokenId>(order[i]);
  }
  return static_cast<TokenId>(order[weights.size() - 1]);
}

}  // namespace cutaway
