// Text to token ids and back.
#include <cutaway/tokenizer.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"

namespace cutaway::python {
namespace {

std::vector<std::pair<std::size_t, std::size_t>> pairs(const std::vector<TextRange>& ranges) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  out.reserve(ranges.size());
  for (const TextRange& r : ranges) out.emplace_back(r.begin, r.end);
  return out;
}

}  // namespace

void bind_tokenizer(nb::module_& m) {
  nb::class_<Encoding>(m, "Encoding", "A text as tokens; every list has one entry a token.")
      .def_ro("ids", &Encoding::ids, "Token ids.")
      .def_ro("pieces", &Encoding::pieces,
              "The vocabulary's spelling; the marks for spaces are visible.")
      .def_prop_ro(
          "bytes", [](const Encoding& e) { return pairs(e.bytes); },
          "(begin, end) of each token in the UTF-8 text; (0, 0) for tokens that were added.")
      .def_prop_ro(
          "chars", [](const Encoding& e) { return pairs(e.chars); },
          "(begin, end) of each token in the str: text[begin:end].")
      .def_ro("special", &Encoding::special, "Whether the tokenizer added the token by itself.")
      .def("__len__", [](const Encoding& e) { return e.ids.size(); })
      .def("__repr__", [](const Encoding& e) {
        return "Encoding(" + std::to_string(e.ids.size()) + " tokens)";
      });

  using Release = nb::call_guard<nb::gil_scoped_release>;
  nb::class_<Tokenizer>(m, "Tokenizer")
      .def_static("load",
                  [](const nb::bytes& path) {
                    const std::string p = path_from(path);
                    nb::gil_scoped_release release;
                    return Tokenizer::load(p);
                  })
      .def(
          "encode",
          [](const Tokenizer& t, const std::string& text, bool special) {
            return t.encode(text, special);
          },
          Release())
      .def(
          "encode_with_offsets",
          [](const Tokenizer& t, const std::string& text, bool special) {
            return t.encode_with_offsets(text, special);
          },
          Release())
      .def(
          "decode",
          [](const Tokenizer& t, const std::vector<TokenId>& ids, bool skip_special) -> nb::object {
            const std::string text = t.decode(ids, skip_special);
            // Ids may end in the middle of a character: those bytes become U+FFFD, as in every
            // Python tokenizer.
            return nb::steal(
                PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
          },
          nb::sig("def decode(self, ids: list[int], skip_special_tokens: bool, /) -> str"))
      .def("piece", [](const Tokenizer& t, TokenId id) { return t.piece(id); })
      .def("id", [](const Tokenizer& t, const std::string& piece) { return t.id(piece); })
      .def("single_token",
           [](const Tokenizer& t, const std::string& text) { return t.single_token(text); })
      .def("is_special", &Tokenizer::is_special)
      .def_prop_ro("vocab_size", &Tokenizer::vocab_size)
      .def_prop_ro("bos", &Tokenizer::bos)
      .def_prop_ro("eos", &Tokenizer::eos);
}

}  // namespace cutaway::python
