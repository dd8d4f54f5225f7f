// One function an area: each adds its classes and functions to `cutaway._core`.
#pragma once

#include <cutaway/hooks.h>
#include <cutaway/tokenizer.h>

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

namespace cutaway::python {

namespace nb = nanobind;

void bind_errors(nb::module_& m);
void bind_hooks(nb::module_& m);
void bind_tokenizer(nb::module_& m);
void bind_chat(nb::module_& m);
void bind_model(nb::module_& m);
void bind_lens(nb::module_& m);

/// A hook point as a model has it: the point and the sizes that give its shape.
struct BoundHookPoint {
  HookPoint point;
  HookDims dims;
};

/// Paths come as os.fsencode gives them, since a file name need not be UTF-8.
inline std::string path_from(const nb::bytes& path) { return {path.c_str(), path.size()}; }

/// A callable that C++ may copy, move and drop on any thread without holding the GIL.
class Callback {
 public:
  explicit Callback(nb::object fn) : fn_(new nb::object(std::move(fn)), &Callback::drop) {}
  /// Needs the GIL.
  const nb::object& get() const noexcept { return *fn_; }

 private:
  static void drop(nb::object* fn) noexcept {
    // After the interpreter is gone there is nothing left to release into.
    if (!Py_IsInitialized()) return;
    nb::gil_scoped_acquire gil;
    delete fn;
  }
  std::shared_ptr<nb::object> fn_;
};

}  // namespace cutaway::python
