// Weights to multiply by, more than the caches hold, and the roofs over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <vector>

#include "base/thread_pool.h"
#include "roofs.h"

namespace cutaway::bench {

inline constexpr std::size_t kBytes = std::size_t{384} << 20;

// Any bits are weights here, as long as they are finite and of ordinary size.
inline const std::vector<std::byte>& weights() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> b(kBytes);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i + 4 <= b.size(); i += 4) {
      state = state * 1664525U + 1013904223U;
      const std::uint32_t word = (state & 0x80FF80FFU) | 0x3C003C00U;
      std::memcpy(b.data() + i, &word, 4);
    }
    return b;
  }();
  return bytes;
}

struct Roofs {
  double fma, read;
};

inline Roofs roofs(int threads) {
  static std::map<int, Roofs> known;
  if (const auto it = known.find(threads); it != known.end()) return it->second;
  ThreadPool pool(threads);
  const Roofs r{fma_roof(pool), read_roof(weights(), pool)};
  std::cout << "threads " << threads << ": FMA roof " << r.fma << " GF/s, read roof " << r.read
            << " GB/s\n";
  return known[threads] = r;
}

}  // namespace cutaway::bench
