// The extension `cutaway._core`: what the Python package is built on, not a public interface.
#include <cutaway/runtime.h>
#include <cutaway/save.h>
#include <cutaway/version.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>

#include <map>
#include <string>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#ifdef CUTAWAY_WITH_CLI
#include "cli.h"
#endif

namespace cutaway::python {
namespace {

void save_arrays(const nb::dict& arrays, const nb::bytes& path) {
  std::map<std::string, Tensor> tensors;
  for (auto [name, array] : arrays) {
    tensors.emplace(nb::cast<std::string>(name), to_tensor(nb::cast<FloatInput>(array, false)));
  }
  const std::string p = path_from(path);
  nb::gil_scoped_release release;
  save(tensors, p);
}

#ifdef CUTAWAY_WITH_CLI
int cli_main(const nb::list& arguments) {
  std::vector<std::string> texts;
  for (nb::handle argument : arguments) texts.push_back(path_from(nb::cast<nb::bytes>(argument)));
  std::vector<const char*> argv;
  for (const std::string& text : texts) argv.push_back(text.c_str());
  argv.push_back(nullptr);
  nb::gil_scoped_release release;
  return cli::run(static_cast<int>(texts.size()), argv.data());
}
#endif

}  // namespace

NB_MODULE(_core, m) {
#ifdef NDEBUG
  nb::set_leak_warnings(false);  // a user's program may end with objects alive; nothing is printed
#endif
  m.doc() = "The compiled part of cutaway. Private: use the package.";
  m.attr("version") = CUTAWAY_VERSION;
  bind_errors(m);
  bind_hooks(m);
  bind_tokenizer(m);
  bind_chat(m);
  bind_model(m);
  bind_lens(m);
  m.def(
      "simd_target", [] { return std::string(simd_target()); },
      "The SIMD target that the kernels run on, for example 'AVX3'.");
  m.def("save_arrays", &save_arrays, "Write named float32 arrays to .npz or .safetensors.",
        nb::sig(
            "def save_arrays(arrays: dict[str, NDArray[numpy.float32]], path: bytes, /) -> None"));
  m.def(
      "load_tensor",
      [](const nb::bytes& reference) {
        const std::string r = path_from(reference);
        Tensor tensor;
        {
          nb::gil_scoped_release release;
          tensor = load_tensor(r);
        }
        return to_numpy(std::move(tensor));
      },
      "Read one array as float32.");
#ifdef CUTAWAY_WITH_CLI
  m.def("cli_main", &cli_main, "Run the command line tool; returns its exit status.",
        nb::sig("def cli_main(argv: list[bytes], /) -> int"));
#endif
}

}  // namespace cutaway::python
