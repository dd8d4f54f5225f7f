// Exceptions of the same names. The classes are made here, so that importing `_core` alone is
// enough to catch them.
#include <cutaway/error.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"

namespace cutaway::python {
namespace {

struct Classes {
  nb::object error, io, format, unsupported, argument, shape, unknown_name;
};

nb::object make_class(nb::module_& m, const char* name, const char* doc, nb::handle bases,
                      nb::handle attributes = {}) {
  const std::string full = nb::cast<std::string>(m.attr("__name__")) + "." + name;
  nb::object type =
      nb::steal(PyErr_NewExceptionWithDoc(full.c_str(), doc, bases.ptr(), attributes.ptr()));
  if (!type.is_valid()) nb::raise_python_error();
  m.attr(name) = type;
  return type;
}

void raise_as(const nb::object& type, const Error& e, const std::vector<std::string>* suggestions) {
  nb::object instance = type(e.what());
  instance.attr("subject") = e.subject();
  instance.attr("detail") = e.detail();
  if (suggestions != nullptr) instance.attr("suggestions") = nb::tuple(nb::cast(*suggestions));
  PyErr_SetObject(type.ptr(), instance.ptr());
}

// From the most derived type to the base: the first that fits names the Python class.
void translate(const std::exception_ptr& thrown, void* payload) {
  const Classes& classes = *static_cast<const Classes*>(payload);
  try {
    std::rethrow_exception(thrown);
  } catch (const UnknownNameError& e) {
    raise_as(classes.unknown_name, e, &e.suggestions());
  } catch (const ShapeError& e) {
    raise_as(classes.shape, e, nullptr);
  } catch (const ArgumentError& e) {
    raise_as(classes.argument, e, nullptr);
  } catch (const IoError& e) {
    raise_as(classes.io, e, nullptr);
  } catch (const FormatError& e) {
    raise_as(classes.format, e, nullptr);
  } catch (const UnsupportedError& e) {
    raise_as(classes.unsupported, e, nullptr);
  } catch (const InterruptedError& e) {
    PyErr_SetString(PyExc_KeyboardInterrupt, e.what());
  } catch (const Error& e) {
    raise_as(classes.error, e, nullptr);
  }
}

}  // namespace

void bind_errors(nb::module_& m) {
  nb::dict texts;
  texts["subject"] = "";
  texts["detail"] = "";
  nb::dict names;
  names["suggestions"] = nb::make_tuple();

  // Lives as long as the module, which Python never unloads.
  auto* c = new Classes;
  c->error = make_class(m, "Error",
                        "Base of every exception that cutaway raises on purpose.\n\n"
                        "`subject` is the file or argument, `detail` the rest of the message.",
                        nb::handle(PyExc_Exception), texts);
  auto both = [&](PyObject* builtin) { return nb::make_tuple(c->error, nb::handle(builtin)); };
  c->io = make_class(m, "IoError",
                     "The operating system said no: a file is missing or unreadable, the disk is "
                     "full. Also an OSError.",
                     both(PyExc_OSError));
  c->format = make_class(m, "FormatError",
                         "The content of a file is wrong: truncated, hostile, or it contradicts "
                         "itself. Also a ValueError.",
                         both(PyExc_ValueError));
  c->unsupported = make_class(m, "UnsupportedError",
                              "The input is valid, but this version does not handle it. Also a "
                              "NotImplementedError.",
                              both(PyExc_NotImplementedError));
  c->argument = make_class(m, "ArgumentError", "The call is wrong. Also a ValueError.",
                           both(PyExc_ValueError));
  c->shape =
      make_class(m, "ShapeError", "An array has another shape than the call needs.", c->argument);
  c->unknown_name = make_class(m, "UnknownNameError",
                               "A name (hook, tensor, weight) does not exist.\n\n`suggestions` "
                               "holds the nearest that do, best first.",
                               c->argument, names);
  nb::register_exception_translator(translate, c);
}

}  // namespace cutaway::python
