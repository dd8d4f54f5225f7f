// Hook points, positions and edits.
#include <cutaway/error.h>
#include <cutaway/hooks.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "arrays.h"
#include "bindings.h"

namespace cutaway::python {
namespace {

nb::tuple axes_of(const BoundHookPoint& p) {
  nb::list out;
  for (Axis axis : site_info(p.point.site()).axes)
    out.append(nb::cast(std::string(axis_name(axis))));
  return nb::tuple(out);
}

nb::tuple shape_of_point(const BoundHookPoint& p) {
  nb::list out;
  for (Axis axis : site_info(p.point.site()).axes) {
    // Batch and positions have no extent of their own: their names stand in.
    const std::size_t n = axis_extent(axis, p.dims);
    if (n == 0) {
      out.append(nb::cast(std::string(axis_name(axis))));
    } else {
      out.append(nb::cast(n));
    }
  }
  return nb::tuple(out);
}

std::string edit_repr(const Edit& e) {
  std::string out = std::string(edit_kind_name(e.kind)) + "('" + e.where + "'";
  if (e.kind == EditKind::kKnockout) {
    out += ", query=" + e.pos.to_string() + ", key=" + e.key.to_string();
  } else if (!e.pos.is_all()) {
    out += ", pos=" + e.pos.to_string();
  }
  if (e.head) out += ", head=" + std::to_string(*e.head);
  if (e.value) out += ", value=" + shape_string(e.value->shape());
  return out + ")";
}

// The library's builders check what can be checked without a model; this takes what they built.
Edit only_edit(const HookSpec& spec) { return spec.edits().front(); }

EditOptions options(const Positions& pos, std::optional<int> head, float scale = 1.0F) {
  return {.pos = pos, .head = head, .scale = scale};
}

// A user function as the library calls it. The function gets an array of its own, never the
// engine's buffer: a reference that it keeps stays valid after the call. The price is two copies,
// small beside the Python call's work on the array.
struct PythonFunction {
  Callback fn;

  void operator()(Tensor& value, const EditContext& context) const {
    nb::gil_scoped_acquire gil;
    nb::object array = nb::cast(to_numpy(Tensor(value)));
    nb::list lengths;
    for (std::size_t n : context.lengths) lengths.append(n);
    nb::object returned = fn.get()(array, context.point.name(), context.point.layer(),
                                   context.first_pos, nb::tuple(lengths));
    const auto result = nb::cast<FloatInput>(returned.is_none() ? array : returned, false);
    const std::vector<std::size_t> shape = shape_of(result);
    if (shape != value.shape()) {
      throw ShapeError(context.point.name(), "the function returned shape " + shape_string(shape) +
                                                 ", expected " + shape_string(value.shape()));
    }
    std::copy_n(result.data(), result.size(), value.data());
  }
};

Edit call_edit(const std::string& where, nb::object fn) {
  return only_edit(HookSpec().call(where, PythonFunction{Callback(std::move(fn))}));
}

// A function may reach its own edit (a closure, or the traceback of an exception that it raised and
// kept); these two let Python's collector see and cut such a circle. The reference that a running
// C++ spec shares is not Python's to count, so it keeps the function alive.
int traverse_edit(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const auto* python = nb::inst_ptr<Edit>(self)->fn.target<PythonFunction>();
  if (python != nullptr) Py_VISIT(python->fn.get().ptr());
  return 0;
}

int clear_edit(PyObject* self) {
  nb::inst_ptr<Edit>(self)->fn = nullptr;
  return 0;
}

PyType_Slot edit_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&traverse_edit)},
                            {Py_tp_clear, reinterpret_cast<void*>(&clear_edit)},
                            {0, nullptr}};

void bind_edit(nb::module_& m) {
  nb::class_<Edit>(m, "Edit", nb::type_slots(edit_slots),
                   "One change to make during a run, as data. Reusable.")
      .def_prop_ro(
          "kind", [](const Edit& e) { return std::string(edit_kind_name(e.kind)); },
          "'add', 'replace', 'zero', 'scale', 'mean', 'knockout' or 'call'.")
      .def_ro("hook", &Edit::where, "Hook name or glob.")
      .def_prop_ro(
          "pos", [](const Edit& e) { return e.pos.to_string(); },
          "Positions as text; 'all' if not limited.")
      .def_ro("head", &Edit::head, "The one head, or None.")
      .def_ro("factor", &Edit::factor, "Factor of the hooked value (scale) or of the vector (add).")
      .def_prop_ro(
          "value",
          [](const Edit& e) -> nb::object {
            if (!e.value) return nb::none();
            return nb::cast(to_numpy(Tensor(*e.value)));
          },
          nb::sig("def value(self) -> NDArray[numpy.float32] | None"),
          "A copy of the value (float32), or None.")
      .def("__repr__", &edit_repr);

  m.def("edit_add", [](const std::string& hook, const FloatInput& value, const Positions& pos,
                       std::optional<int> head, float scale) {
    return only_edit(HookSpec().add(hook, to_tensor(value), options(pos, head, scale)));
  });
  m.def("edit_replace", [](const std::string& hook, const FloatInput& value, const Positions& pos,
                           std::optional<int> head) {
    return only_edit(HookSpec().replace(hook, to_tensor(value), options(pos, head)));
  });
  m.def("edit_zero", [](const std::string& hook, const Positions& pos, std::optional<int> head) {
    return only_edit(HookSpec().zero(hook, options(pos, head)));
  });
  m.def("edit_scale",
        [](const std::string& hook, float factor, const Positions& pos, std::optional<int> head) {
          return only_edit(HookSpec().scale(hook, factor, options(pos, head)));
        });
  m.def("edit_mean", [](const std::string& hook, const FloatInput& data, const Positions& pos,
                        std::optional<int> head) {
    return only_edit(HookSpec().mean(hook, to_tensor(data), options(pos, head)));
  });
  m.def("edit_knockout_expert", [](int layer, int expert, const Positions& pos) {
    return only_edit(HookSpec().knockout_expert(layer, expert, pos));
  });
  m.def("edit_knockout",
        [](int layer, const Positions& query, const Positions& key, std::optional<int> head) {
          return only_edit(HookSpec().knockout(layer, query, key, head));
        });
  m.def("edit_call", &call_edit,
        nb::sig("def edit_call(hook: str, fn: typing.Callable[..., typing.Any], /) -> Edit"));
}

}  // namespace

void bind_hooks(nb::module_& m) {
  nb::class_<BoundHookPoint>(m, "HookPoint", "One point of a model's forward pass.")
      .def_prop_ro(
          "name", [](const BoundHookPoint& p) { return p.point.name(); },
          "TransformerLens's name, for example 'blocks.3.hook_resid_post'.")
      .def_prop_ro(
          "layer",
          [](const BoundHookPoint& p) -> std::optional<int> {
            return p.point.layer() < 0 ? std::nullopt : std::optional<int>(p.point.layer());
          },
          "Layer number, or None outside the blocks.")
      .def_prop_ro("axes", &axes_of, nb::sig("def axes(self) -> tuple[str, ...]"),
                   "Names of the axes, for example ('batch', 'pos', 'd_model').")
      .def_prop_ro("shape", &shape_of_point, nb::sig("def shape(self) -> tuple[int | str, ...]"),
                   "Extents; the axes that depend on the input stand as their names: ('batch', "
                   "'pos', 576).")
      .def_prop_ro(
          "doc", [](const BoundHookPoint& p) { return std::string(site_info(p.point.site()).doc); },
          "What the point holds, in one sentence.")
      .def("__str__", [](const BoundHookPoint& p) { return p.point.name(); })
      .def("__repr__",
           [](const BoundHookPoint& p) {
             return "HookPoint('" + p.point.name() +
                    "', shape=" + nb::cast<std::string>(nb::str(shape_of_point(p))) + ")";
           })
      .def("__eq__",
           [](const BoundHookPoint& p, nb::handle other) {
             return nb::isinstance<BoundHookPoint>(other) &&
                    nb::cast<const BoundHookPoint&>(other).point == p.point;
           })
      .def("__hash__", [](const BoundHookPoint& p) { return nb::hash(nb::cast(p.point.name())); });

  m.def(
      "canonical_name", [](const std::string& name) { return HookPoint::parse(name).name(); },
      "The table's spelling of a hook name or alias.");

  nb::class_<Positions>(m, "Positions", "Positions that an edit touches.")
      .def_static("all", &Positions::all)
      .def_static("parse", [](const std::string& text) { return Positions::parse(text); })
      .def_static("list", [](std::vector<std::int64_t> list) { return Positions(std::move(list)); })
      .def_static(
          "range",
          [](std::optional<std::int64_t> begin, std::optional<std::int64_t> end) {
            return Positions::range(begin, end);
          },
          nb::arg("begin").none(), nb::arg("end").none())
      .def("__repr__", &Positions::to_string);
  bind_edit(m);
}

}  // namespace cutaway::python
