// Runs a test on every SIMD target of this machine.
#pragma once

#include <cutaway/runtime.h>
#include <gtest/gtest.h>

#include <hwy/targets.h>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "reference/linear.h"

namespace cutaway {

inline void use_target(std::int64_t target) { hwy::SetSupportedTargetsForTest(target); }
inline void use_best_target() { hwy::SetSupportedTargetsForTest(0); }

/// Those that the machine has and the kernels were compiled for.
inline std::vector<std::int64_t> simd_targets() {
  std::vector<std::int64_t> targets;
  const auto supported = static_cast<std::uint64_t>(hwy::SupportedTargets());
  for (std::uint64_t rest = supported; rest != 0; rest &= rest - 1) {
    const auto target = static_cast<std::int64_t>(rest & -rest);
    use_target(target);
    if (simd_target() == hwy::TargetName(target)) targets.push_back(target);
  }
  use_best_target();
  return targets;
}

class EveryTarget : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_target(GetParam()); }
  void TearDown() override { use_best_target(); }

  static reference::SumOrder sum_order() {
    const std::string_view name = simd_target();
    if (name == "AVX3") return {16, true};
    if (name == "AVX2") return {8, true};
    if (name == "NEON") return {4, true};
    if (name == "SSE4") return {4, false};
    return {1, false};
  }
};

#define CUTAWAY_ON_EVERY_TARGET(suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::ValuesIn(simd_targets()), [](const auto& each) { \
    return std::string(hwy::TargetName(each.param));                                          \
  })

}  // namespace cutaway
