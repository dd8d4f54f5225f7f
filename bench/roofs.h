// What the machine can do at most, measured in the process that is compared with it.
#pragma once

#include <cstddef>
#include <span>

#include "base/thread_pool.h"

namespace cutaway::bench {

/// f32 fused multiply-adds on every thread of the pool, 1e9 operations a second (two each); the
/// best of several tries.
double fma_roof(ThreadPool& pool);

/// Reading `buffer` once, each thread one sequential stretch, 1e9 bytes a second; the best of
/// several tries.
double read_roof(std::span<const std::byte> buffer, ThreadPool& pool);

}  // namespace cutaway::bench
