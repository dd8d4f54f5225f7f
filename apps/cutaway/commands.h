// One function a subcommand. Each returns the exit status; failures are exceptions.
#pragma once

#include "options.h"

namespace cutaway::cli {

int info_command(const InfoOptions& options);
int tokens_command(const TokensOptions& options);
int run_command(const RunCommandOptions& options);
int generate_command(const GenerateCommandOptions& options);
int lens_command(const LensCommandOptions& options);

}  // namespace cutaway::cli
