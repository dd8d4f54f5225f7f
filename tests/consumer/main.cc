#include <cutaway/cutaway.h>

#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 2) throw cutaway::ArgumentError("arguments", "expected one: a model");
  const cutaway::Runtime runtime{{.threads = 2}};
  const auto model = cutaway::Model::load(argv[1], runtime);
  const auto tokens = model.tokenizer().encode("The capital of France is");

  // Watch the residual stream after every block; switch one MLP off at the last position.
  cutaway::HookSpec hooks;
  hooks.capture("blocks.*.hook_resid_post").zero("blocks.1.hook_mlp_out", {.pos = {-1}});
  const cutaway::RunResult out = model.run(tokens, hooks);
  const cutaway::Tensor& resid = out.at(cutaway::HookPoint::resid_post(1));
  std::printf("resid_post of layer 1: %s\n", cutaway::shape_string(resid.shape()).c_str());

  // What would the model say if it stopped after each layer?
  const auto lens = cutaway::logit_lens(model, tokens, {.top_k = 1, .pos = {-1}});
  for (const cutaway::LensCell& cell : lens.cells) {
    const cutaway::LensToken& best = cell.top.front();
    std::printf("layer %2d: %s %.3f\n", cell.layer,
                model.tokenizer().decode(std::vector{best.id}).c_str(),
                static_cast<double>(best.prob));
  }
  return 0;
} catch (const cutaway::Error& error) {
  std::fprintf(stderr, "app: error: %s\n", error.what());
  return 1;
}
