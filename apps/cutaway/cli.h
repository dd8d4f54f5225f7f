// The command line tool as one call, so that the executable and the Python package run the same
// code.
#pragma once

namespace cutaway::cli {

/// Run `argv[1]` with its options. Writes to the process's standard output and error; never throws.
/// returns the exit status: 0 done, 1 the work failed, 2 the call is wrong, 130 interrupted by the
/// user, 141 standard output was closed by its reader.
int run(int argc, const char* const* argv);

}  // namespace cutaway::cli
