#include <gtest/gtest.h>

#include <cutaway/error.h>

#include "help.h"
#include "options.h"

namespace cutaway::cli {
namespace {

Command parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "cutaway");
  return parse(static_cast<int>(words.size()), words.data());
}

std::string error_of(const std::vector<const char*>& words) {
  try {
    parsed(words);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Parse, ReadsTheCommonOptionsOfEveryCommandWithAPrompt) {
  const auto check = [](const CommonOptions& o) {
    EXPECT_EQ(o.model, "m");
    EXPECT_EQ(o.prompts, (std::vector<std::string>{"a b", "-x", "[c, d]"}));
    EXPECT_EQ(o.prompt_file, "-");
    EXPECT_EQ(o.tokens, (std::vector<std::string>{"1,2"}));
    EXPECT_FALSE(o.add_special_tokens);
    EXPECT_EQ(o.threads, 3);
    EXPECT_EQ(o.json, "-");
    EXPECT_EQ(o.output, "f");
    EXPECT_TRUE(o.offline);
    EXPECT_TRUE(o.quiet);
    EXPECT_EQ(o.seed, 9U);
  };
  for (const CommandHelp& help : command_help()) {
    const std::string name(help.name);
    if (name == "info") continue;  // takes no prompt
    const Command command = parsed({name.c_str(), "m",   "-p",       "a b",           "--prompt",
                                    "-x",         "-p",  "[c, d]",   "--prompt-file", "-",
                                    "--tokens",   "1,2", "--no-bos", "--threads",     "3",
                                    "--json",     "-o",  "f",        "--offline",     "--quiet",
                                    "--seed",     "9"});
    std::visit(
        [&](const auto& o) {
          if constexpr (requires { o.common; }) {
            check(o.common);
          } else {
            FAIL() << name;
          }
        },
        command);
  }
}

TEST(Parse, NegativePositionsAreValues) {
  const auto options = std::get<LensCommandOptions>(
      parsed({"lens", "--pos", "-1", "--layer", "3", "--target", " Paris"}));
  EXPECT_EQ(options.pos, "-1");
  EXPECT_EQ(options.layers, "3");
  EXPECT_EQ(options.target, " Paris");
}

TEST(Parse, GenerateReadsItsNumbers) {
  const auto options =
      std::get<GenerateCommandOptions>(parsed({"generate", "-n5", "--temperature=0.5", "--top-k",
                                               "4", "--top-p", ".9", "--recompute", "--no-stop"}));
  EXPECT_EQ(options.max_new_tokens, 5U);
  EXPECT_EQ(options.temperature, 0.5F);
  EXPECT_EQ(options.top_k, 4U);
  EXPECT_EQ(options.top_p, 0.9F);
  EXPECT_TRUE(options.recompute);
  EXPECT_FALSE(options.stop_at_eos);
}

TEST(Parse, EveryCommandHasHelpWithAnExample) {
  for (const CommandHelp& help : command_help()) {
    const std::string name(help.name);
    const auto text = std::get<TextOutput>(parsed({name.c_str(), "--help"})).text;
    EXPECT_NE(text.find("Example:\n  cutaway " + name), std::string::npos) << text;
    EXPECT_EQ(text.find("--prompt TEXT") == std::string::npos, name == "info");
    EXPECT_EQ(text.back(), '\n');
  }
  EXPECT_EQ(std::get<TextOutput>(parsed({"-V"})).text,
            std::get<TextOutput>(parsed({"--version"})).text);
}

TEST(Parse, ErrorsSayWhatWasFoundAndExpected) {
  EXPECT_EQ(error_of({}),
            "command: none given, expected one as in 'cutaway lens'; see 'cutaway "
            "--help'");
  EXPECT_EQ(error_of({"lnes"}),
            "command 'lnes': no such command, expected info, tokens, run, generate, lens; did you "
            "mean 'lens'?");
  EXPECT_EQ(error_of({"lens", "--promt", "x"}),
            "--promt: no such option, see 'cutaway lens --help'; did you mean '--prompt'?");
  EXPECT_EQ(error_of({"lens", "-p"}), "--prompt: no value given, expected TEXT");
  EXPECT_EQ(error_of({"lens", "--threads", "x"}),
            "--threads: 'x', expected a whole number from 0 to 1024");
  EXPECT_EQ(error_of({"lens", "--threads", "1", "--threads", "2"}),
            "--threads: given 2 times, expected once");
  EXPECT_EQ(error_of({"lens", "-k", "0"}), "--top-k: '0', expected a whole number, at least 1");
  EXPECT_EQ(error_of({"generate", "--top-p", "0"}), "--top-p: '0', expected above 0 and at most 1");
  EXPECT_EQ(error_of({"generate", "--temperature", "nan"}),
            "--temperature: 'nan', expected a number at least 0");
  EXPECT_EQ(error_of({"lens", "m", "The capital"}),
            "argument 'The capital': one too many, expected at most one MODEL; a prompt goes after "
            "-p");
  EXPECT_EQ(error_of({"run", "--when", "never"}), "--when: 'never', expected before or after");
}

}  // namespace
}  // namespace cutaway::cli
