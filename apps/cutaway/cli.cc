#include "cli.h"

#include <exception>
#include <new>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include <cutaway/error.h>

#include "commands.h"
#include "output.h"
#include "terminal.h"
#include "text.h"

namespace cutaway::cli {
namespace {

constexpr int kDone = 0, kFailed = 1, kWrongCall = 2, kInterrupted = 130, kPipeClosed = 141;

struct Dispatch {
  int operator()(const TextOutput& text) const {
    Output out({});
    out.write(text.text);
    out.commit();
    return kDone;
  }
  int operator()(const InfoOptions& o) const { return info_command(o); }
  int operator()(const TokensOptions& o) const { return tokens_command(o); }
  int operator()(const RunCommandOptions& o) const { return run_command(o); }
  int operator()(const GenerateCommandOptions& o) const { return generate_command(o); }
  int operator()(const LensCommandOptions& o) const { return lens_command(o); }
};

void complain(std::string_view message) {
  // One line whatever the message holds: file names and prompts are the user's.
  const std::string line = fmt::format("cutaway: error: {}\n", escape(message));
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

int fail(int status, std::string_view message) {
  complain(message);
  return status;
}

}  // namespace

int run(int argc, const char* const* argv) {
  const SignalScope signals;
  try {
    return std::visit(Dispatch(), parse(argc, argv));
  } catch (const ClosedPipe&) {
    return kPipeClosed;
  } catch (const InterruptedError&) {
    return kInterrupted;
  } catch (const ArgumentError& error) {
    return fail(kWrongCall, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kFailed,
                "memory: the system has not enough for this, expected a smaller model, "
                "prompt or capture");
  } catch (const std::exception& error) {
    return fail(kFailed, error.what());
  }
}

}  // namespace cutaway::cli
