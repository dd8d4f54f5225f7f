// The only file that sees the option parser, which is slow to compile.
#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cutaway/error.h>
#include <cutaway/version.h>

#include "base/names.h"
#include "help.h"
#include "json_argument.h"
#include "numbers.h"
#include "options.h"

namespace cutaway::cli {
namespace {

constexpr float kAnyFloat = std::numeric_limits<float>::max();

// One command's options. Values stay text until our own readers look at them, so that every error
// has one form.
class OptionSet {
 public:
  explicit OptionSet(const CommandHelp& help) : app_(std::string(help.summary)) {
    app_.name(fmt::format("cutaway {}", help.name));
    app_.allow_extras();
    app_.set_help_flag("-h,--help", "show this help");
    app_.footer(std::string(help.example) + "\n");
    app_.get_formatter()->column_width(32);
  }

  void text(const std::string& names, const std::string& type, const std::string& help,
            std::function<void(const std::string&)> set) {
    app_.add_option_function<std::string>(names, std::move(set), help)->type_name(type);
  }
  void text(const std::string& names, const std::string& type, const std::string& help,
            std::optional<std::string>& into) {
    text(names, type, help, [&into](const std::string& value) { into = value; });
  }
  void text(const std::string& names, const std::string& type, const std::string& help,
            std::string& into) {
    text(names, type, help, [&into](const std::string& value) { into = value; });
  }
  void list(const std::string& names, const std::string& type, const std::string& help,
            std::vector<std::string>& into) {
    app_.add_option(names, into, help)->type_name(type)->allow_extra_args(false);
  }
  void flag(const std::string& names, const std::string& help, bool& into, bool value = true) {
    app_.add_flag_callback(
        names, [&into, value] { into = value; }, help);
  }
  template <typename Int>
  void whole(const std::string& names, const std::string& name, const std::string& help, Int& into,
             std::int64_t least, std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
    text(names, "N", help, [&into, name, least, most](const std::string& value) {
      into = static_cast<Int>(parse_int(name, value, least, most));
    });
  }
  void real(const std::string& names, const std::string& name, const std::string& help, float& into,
            float least, float most) {
    text(names, "X", help, [&into, name, least, most](const std::string& value) {
      into = parse_float(name, value, least, most);
    });
  }

  /// returns the help text if it was asked for. throws ArgumentError, UnknownNameError.
  std::optional<std::string> parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // the order that the parser takes
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      return app_.help();
    } catch (const CLI::ParseError& error) {
      refuse(error.what());
    }
    for (const std::string& extra : app_.remaining()) {
      if (extra != "--") refuse_extra(extra);
    }
    return std::nullopt;
  }

 private:
  // "--prompt: 1 required TEXT missing" is how the parser puts a missing value.
  [[noreturn]] static void refuse(const std::string& message) {
    constexpr std::string_view kRequired = ": 1 required ", kMissing = " missing";
    const auto at = message.find(kRequired);
    if (at != std::string::npos && message.size() > kMissing.size()) {
      const auto begin = at + kRequired.size();
      throw ArgumentError(
          message.substr(0, at),
          fmt::format("no value given, expected {}",
                      message.substr(begin, message.size() - begin - kMissing.size())));
    }
    constexpr std::string_view kMost = ": At Most 1 required but received ";
    if (const auto most = message.find(kMost); most != std::string::npos) {
      throw ArgumentError(
          message.substr(0, most),
          fmt::format("given {} times, expected once", message.substr(most + kMost.size())));
    }
    throw ArgumentError("", message);
  }

  [[noreturn]] void refuse_extra(const std::string& extra) {
    if (extra.size() < 2 || extra.front() != '-') {
      throw ArgumentError(fmt::format("argument '{}'", extra),
                          "one too many, expected at most one MODEL; a prompt goes after -p");
    }
    const std::string name = extra.substr(0, extra.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) {
      for (const std::string& text : option->get_lnames()) names.push_back("--" + text);
    }
    std::vector<std::string> near = nearest_names(name, names);
    const std::string text =
        fmt::format("no such option, see '{} --help'{}", app_.get_name(), did_you_mean(near));
    throw UnknownNameError(name, text, std::move(near));
  }

  CLI::App app_;
};

void add_common(OptionSet& set, CommonOptions& o, const std::string& output_help) {
  set.text("MODEL", "", "a folder with config.json, a .gguf file, or a hub id org/name", o.model);
  set.whole("--threads", "--threads", "threads to use (0: every core; never changes a result)",
            o.threads, 0, 1024);
  set.text("--memory", "SIZE",
           "memory that a run may use, as 4G or 500M; more is refused beforehand",
           [&o](const std::string& value) { o.memory = parse_bytes("--memory", value); });
  set.list("--ignore-config", "KEY",
           "a config key to ignore although this version does not know it; repeatable",
           o.ignore_config);
  set.text("--json", "[F]", "write JSON to F, or to standard output and nothing else there",
           o.json);
  set.text("-o,--output", "F", output_help, o.output);
  set.flag("--offline", "never use the network", o.offline);
  set.flag("--quiet", "no progress on standard error", o.quiet);
}

void add_prompts(OptionSet& set, CommonOptions& o) {
  set.list("-p,--prompt", "TEXT", "the prompt; repeat for several", o.prompts);
  set.text("--prompt-file", "F", "read one more prompt from F (- is standard input)",
           o.prompt_file);
  set.list("--tokens", "IDS", "token ids such as 1,2,3 instead of text; repeatable", o.tokens);
  set.flag("--no-bos", "add no special tokens to the text", o.add_special_tokens, false);
  set.whole("--seed", "--seed", "seed of random choices (sampling draws the only ones)", o.seed, 0);
}

void add_chat(OptionSet& set, CommonOptions& o) {
  set.flag("--chat", "each prompt is a user's message: write it as the model's chat template does",
           o.chat);
  set.text("--system", "TEXT", "with --chat: the system message", o.system);
}

const std::string kOutputHelp = "write the result to F instead of standard output";

void add_edits(OptionSet& set, std::vector<std::string>& edits) {
  set.list("--edit", "SPEC", "an edit, HOOK[@POS][#HEAD] OP [VALUE]; repeatable, in order", edits);
}

void describe(OptionSet& set, InfoOptions& o) {
  add_common(set, o.common, kOutputHelp);
  set.flag("--check", "run one token and tell whether the model works, and why not", o.check);
}

void describe(OptionSet& set, TokensOptions& o) {
  add_prompts(set, o.common);
  add_chat(set, o.common);
  add_common(set, o.common, kOutputHelp);
  set.list("--span", "NAME=TEXT", "label the tokens of TEXT, where it first stands; repeatable",
           o.spans);
  set.list("--char", "N", "the token of character N of the text; repeatable", o.chars);
  set.text("--decode", "IDS", "turn ids such as 1,2,3 into text", o.decode);
}

void describe(OptionSet& set, RunCommandOptions& o) {
  add_prompts(set, o.common);
  add_common(set, o.common, "write the captured arrays to F.npz or F.safetensors");
  set.list("--capture", "GLOB", "hook points to capture, as 'blocks.*.hook_resid_post'; repeatable",
           o.captures);
  set.text("--when", "WHEN", "capture before or after the edits at a point (default: after)",
           [&o](const std::string& value) {
             if (value != "before" && value != "after") {
               throw ArgumentError("--when", fmt::format("'{}', expected before or after", value));
             }
             o.before_edits = value == "before";
           });
  add_edits(set, o.edits);
  set.whole("--top", "--top", "predictions to show after the last token (default 5, 0: none)",
            o.top, 0);
}

void describe(OptionSet& set, GenerateCommandOptions& o) {
  add_prompts(set, o.common);
  add_chat(set, o.common);
  add_common(set, o.common, kOutputHelp);
  set.text("-n,--max-new-tokens", "N",
           "tokens to add at most (default: 64, or fewer where the context ends)",
           [&o](const std::string& value) {
             o.max_new_tokens = static_cast<std::size_t>(parse_int("--max-new-tokens", value, 0));
           });
  set.real("--temperature", "--temperature", "0 (the default) takes the most likely token",
           o.temperature, 0, kAnyFloat);
  set.whole("--top-k", "--top-k", "sample among the K most likely (0: all)", o.top_k, 0);
  set.text("--top-p", "X", "sample among the most likely that make up X of the probability",
           [&o](const std::string& value) {
             o.top_p = parse_float("--top-p", value, 0, 1);
             if (o.top_p == 0) {
               throw ArgumentError("--top-p",
                                   fmt::format("'{}', expected above 0 and at most 1", value));
             }
           });
  add_edits(set, o.edits);
  set.flag("--recompute", "run the whole sequence at each step, without a KV cache", o.recompute);
  set.flag("--no-stop", "go on after an end-of-text token", o.stop_at_eos, false);
}

void describe(OptionSet& set, LensCommandOptions& o) {
  add_prompts(set, o.common);
  add_common(set, o.common, kOutputHelp);
  set.whole("-k,--top-k", "--top-k", "tokens to show in a cell (default 5)", o.top_k, 1);
  set.text("--site", "SITE", "resid_pre, resid_mid, resid_post (the default), attn_out or mlp_out",
           o.site);
  set.text("--target", "TOK", "probability and rank of a token: an id, or its text (text:7 for 7)",
           o.target);
  set.text("--layer,--layers", "L", "3, 0:12, 0,3,7 or all (the default)", o.layers);
  set.text("--pos", "POS", "3, -1, 2:5, all (the default) or subject:\"some words\"", o.pos);
  add_edits(set, o.edits);
}

template <typename Options>
Command parse_as(const CommandHelp& help, const std::vector<std::string>& arguments,
                 const char* argv0) {
  Options options;
  options.common.argv0 = argv0;
  OptionSet set(help);
  describe(set, options);
  if (auto text = set.parse(bind_json_argument(arguments))) return TextOutput{std::move(*text)};
  return options;
}

Command parse_command(const std::string& name, const std::vector<std::string>& arguments,
                      const char* argv0) {
  std::vector<std::string> names;
  std::string list;
  for (const CommandHelp& help : command_help()) {
    names.emplace_back(help.name);
    if (!list.empty()) list += ", ";
    list += help.name;
    if (name != help.name) continue;
    if (name == "info") return parse_as<InfoOptions>(help, arguments, argv0);
    if (name == "tokens") return parse_as<TokensOptions>(help, arguments, argv0);
    if (name == "run") return parse_as<RunCommandOptions>(help, arguments, argv0);
    if (name == "generate") return parse_as<GenerateCommandOptions>(help, arguments, argv0);
    if (name == "lens") return parse_as<LensCommandOptions>(help, arguments, argv0);
  }
  std::vector<std::string> near = nearest_names(name, names);
  const std::string text = fmt::format("no such command, expected {}{}", list, did_you_mean(near));
  throw UnknownNameError(fmt::format("command '{}'", name), text, std::move(near));
}

}  // namespace

Command parse(int argc, const char* const* argv) {
  if (argc < 2) {
    throw ArgumentError("command",
                        "none given, expected one as in 'cutaway lens'; see "
                        "'cutaway --help'");
  }
  const std::string first = argv[1];
  const std::vector<std::string> rest(argv + 2, argv + argc);
  if (first == "-V" || first == "--version") {
    return TextOutput{fmt::format("cutaway {}\n", CUTAWAY_VERSION)};
  }
  if (first == "help" && !rest.empty()) return parse_command(rest.front(), {"--help"}, argv[0]);
  if (first == "-h" || first == "--help" || first == "help") return TextOutput{main_help()};
  if (!first.empty() && first.front() == '-') {
    throw ArgumentError(first,
                        "no such option here, expected a command first, as in 'cutaway "
                        "lens --help'");
  }
  return parse_command(first, rest, argv[0]);
}

}  // namespace cutaway::cli
