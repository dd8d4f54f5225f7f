// What was typed, as plain data. parse.cc fills these; everything else sees no option parser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cutaway::cli {

struct CommonOptions {
  std::optional<std::string> model;
  std::vector<std::string> prompts;        ///< each -p
  std::optional<std::string> prompt_file;  ///< "-": standard input
  std::vector<std::string> tokens;         ///< each --tokens, still text
  bool add_special_tokens = true;          ///< false: --no-bos
  bool chat = false;                       ///< each prompt is a user's message
  std::optional<std::string> system;       ///< the system message before it
  std::vector<std::string> ignore_config;  ///< each --ignore-config
  int threads = 0;
  std::uint64_t memory = 0;         ///< --memory in bytes; 0: no limit
  std::optional<std::string> json;  ///< "-": standard output
  std::optional<std::string> output;
  bool offline = false;
  bool quiet = false;
  std::uint64_t seed = 0;
  std::string argv0;  ///< how the program was called; the demo model may lie near it
};

struct InfoOptions {
  CommonOptions common;
  bool check = false;
};

struct TokensOptions {
  CommonOptions common;
  std::vector<std::string> spans;  ///< each --span NAME=TEXT
  std::vector<std::string> chars;  ///< each --char, still text
  std::optional<std::string> decode;
};

struct RunCommandOptions {
  CommonOptions common;
  std::vector<std::string> captures;
  bool before_edits = false;
  std::vector<std::string> edits;
  std::size_t top = 5;
};

struct GenerateCommandOptions {
  CommonOptions common;
  std::optional<std::size_t> max_new_tokens;  ///< absent: 64, or fewer where the context ends
  float temperature = 0.0F;
  std::size_t top_k = 0;
  float top_p = 1.0F;
  std::vector<std::string> edits;
  bool recompute = false;
  bool stop_at_eos = true;
};

struct LensCommandOptions {
  CommonOptions common;
  std::size_t top_k = 5;
  std::string site = "resid_post";
  std::optional<std::string> target;
  std::string layers = "all";
  std::string pos = "all";
  std::vector<std::string> edits;
};

/// `--help` and `--version`: text for standard output.
struct TextOutput {
  std::string text;
};

using Command = std::variant<TextOutput, InfoOptions, TokensOptions, RunCommandOptions,
                             GenerateCommandOptions, LensCommandOptions>;

/// throws ArgumentError, UnknownNameError.
Command parse(int argc, const char* const* argv);

}  // namespace cutaway::cli
