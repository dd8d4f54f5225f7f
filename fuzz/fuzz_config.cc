// config.json of a known family, or of a stranger whose tensors are called as Llama's.
#include <string_view>

#include <cutaway/error.h>

#include "fuzz_target.h"
#include "model/auto_config.h"
#include "model/config_hf.h"

namespace {

const cutaway::TensorShapes& llama_tensors() {
  static const cutaway::TensorShapes shapes = [] {
    cutaway::TensorShapes out;
    const std::string at = "model.layers.0.";
    for (const char* name : {"model.embed_tokens", "model.norm", "lm_head"})
      out[std::string(name) + ".weight"] = {8, 8};
    for (const char* name :
         {"input_layernorm", "post_attention_layernorm", "self_attn.q_proj", "self_attn.k_proj",
          "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
      out[at + name + ".weight"] = {8, 8};
    return out;
  }();
  return shapes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto json = cutaway::io::Json::parse(text, "fuzz");
    const cutaway::Family* known = cutaway::find_family(cutaway::model_type_of(json));
    const cutaway::Family family =
        known != nullptr ? *known : cutaway::auto_family(json, llama_tensors());
    static_cast<void>(cutaway::config_from_json(json, family, {}));
  } catch (const cutaway::Error&) {
  }
  return 0;
}
