// Chat templates.
#include <cutaway/chat.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>

#include "bindings.h"

namespace cutaway::python {

void bind_chat(nb::module_& m) {
  nb::class_<ChatTemplate>(m, "ChatTemplate")
      .def_static("parse",
                  [](const std::string& source, const std::string& origin) {
                    return ChatTemplate::parse(source, origin);
                  })
      .def_static("load",
                  [](const nb::bytes& path) {
                    const std::string p = path_from(path);
                    nb::gil_scoped_release release;
                    return ChatTemplate::load(p);
                  })
      .def(
          "render",
          [](const ChatTemplate& t, const std::string& messages, bool add_generation_prompt,
             const std::string& tools, const std::string& documents, const std::string& variables,
             const std::string& name, std::int64_t now) {
            ChatOptions options;
            options.add_generation_prompt = add_generation_prompt;
            options.tools_json = tools;
            options.documents_json = documents;
            options.variables_json = variables;
            options.name = name;
            options.now = std::chrono::sys_seconds{std::chrono::seconds{now}};
            return t.render_json(messages, options);
          },
          nb::call_guard<nb::gil_scoped_release>())
      .def("source", [](const ChatTemplate& t, const std::string& name) { return t.source(name); })
      .def_prop_ro("names", &ChatTemplate::names)
      .def_prop_ro("special_tokens", [](const ChatTemplate& t) { return t.special_tokens(); })
      .def("with_special_token", &ChatTemplate::with_special_token);
}

}  // namespace cutaway::python
