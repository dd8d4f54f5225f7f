// Working memory of a kernel: one growable buffer a thread.
#pragma once

#include <cstddef>

namespace cutaway::kernels {

/// At least `floats` floats, 64-byte aligned, not filled, this thread's own. It lives until the
/// thread ends and only grows, so a call in a steady state allocates nothing; the next call on the
/// same thread gets the same memory. Only scratch: no value in it outlives a work unit, so models
/// that share a thread share nothing. throws std::bad_alloc.
float* thread_scratch(std::size_t floats);

}  // namespace cutaway::kernels
