// What users type: hook names, globs and positions, up to a plan for a small model.
#include <string>

#include <cutaway/error.h>
#include <cutaway/hooks.h>

#include "fuzz_target.h"
#include "hooks/plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cutaway;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto split = text.find('@');
  const HookDims dims{.n_layers = 3,
                      .d_model = 4,
                      .n_heads = 2,
                      .n_kv_heads = 1,
                      .d_head = 2,
                      .d_mlp = 5,
                      .d_vocab = 7,
                      .has_qk_norm = true};
  const std::vector<std::size_t> lengths{5, 3};
  try {
    HookSpec spec;
    spec.capture(text.substr(0, split));
    const Positions pos =
        split == std::string::npos ? Positions::all() : Positions::parse(text.substr(split + 1));
    spec.zero(text.substr(0, split), {.pos = pos});
    static_cast<void>(HookPlan(spec, dims, lengths, 2));
  } catch (const Error&) {
  }
  return 0;
}
