// Causal attention of one query row, in double, straight from the definition (Vaswani et al. 2017).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace cutaway::reference {

struct AttentionRow {
  std::vector<double> scores;   ///< scaled; of every key
  std::vector<double> pattern;  ///< 0 where masked
  std::vector<double> z;
};

/// `key(j, d)` and `value(j, d)` of this head's keys; query at position `pos`.
template <typename Key, typename Value>
AttentionRow attention_row(const float* q, std::size_t pos, std::size_t keys, std::size_t d_head,
                           double scale, double softcap, std::size_t window, const Key& key,
                           const Value& value) {
  AttentionRow row;
  row.scores.resize(keys);
  row.pattern.resize(keys);
  row.z.resize(d_head);
  double max = -std::numeric_limits<double>::infinity();
  std::vector<double> capped(keys, max);
  for (std::size_t j = 0; j < keys; ++j) {
    double dot = 0.0;
    for (std::size_t d = 0; d < d_head; ++d) dot += static_cast<double>(q[d]) * key(j, d);
    row.scores[j] = dot * scale;
    const bool seen = j <= pos && (window == 0 || pos - j < window);
    if (!seen) continue;
    capped[j] = softcap > 0 ? softcap * std::tanh(row.scores[j] / softcap) : row.scores[j];
    max = std::max(max, capped[j]);
  }
  double sum = 0.0;
  for (std::size_t j = 0; j < keys; ++j) sum += std::exp(capped[j] - max);
  for (std::size_t j = 0; j < keys; ++j) {
    row.pattern[j] = std::exp(capped[j] - max) / sum;
    for (std::size_t d = 0; d < d_head; ++d) row.z[d] += row.pattern[j] * value(j, d);
  }
  return row;
}

}  // namespace cutaway::reference
