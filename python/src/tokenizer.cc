// Text to token ids and back.
#include <cutaway/error.h>
#include <cutaway/token_positions.h>
#include <cutaway/tokenizer.h>

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
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

TextUnit unit_of(const std::string& unit) {
  if (unit == "chars") return TextUnit::kChars;
  if (unit == "bytes") return TextUnit::kBytes;
  throw ArgumentError("unit", "'" + unit + "', expected 'chars' or 'bytes'");
}

using Span = std::tuple<std::string, std::size_t, std::size_t>;
std::vector<std::string> label_spans_of(const Encoding& e, const std::vector<Span>& spans,
                                        const std::string& unit) {
  std::vector<NamedSpan> named;
  for (const auto& [name, begin, end] : spans) named.push_back({name, {begin, end}});
  return label_spans(e, named, unit_of(unit));
}

using Match = std::tuple<std::size_t, std::optional<std::size_t>, std::string, bool>;
std::vector<Match> convert_positions_of(const Encoding& e,
                                        const std::vector<std::size_t>& positions,
                                        const std::string& unit) {
  std::vector<Match> out;
  for (PositionMatch& match : convert_positions(e, positions, unit_of(unit))) {
    out.emplace_back(match.position, match.token, std::move(match.piece), match.is_exact);
  }
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
      .def(
          "char_to_token",
          [](const Encoding& e, std::size_t position, bool exact, const std::string& unit) {
            return exact ? char_to_token(e, position, unit_of(unit))
                         : char_to_token_fuzzy(e, position, unit_of(unit));
          },
          nb::arg("position"), nb::arg("exact") = true, nb::arg("unit") = "chars",
          "The first token that covers the position, or None. With exact=False otherwise the one "
          "whose middle is nearest. unit: 'chars' (as str is indexed) or 'bytes' of UTF-8.")
      .def(
          "char_to_token_start",
          [](const Encoding& e, std::size_t position, const std::string& unit) {
            return char_to_token_start(e, position, unit_of(unit));
          },
          nb::arg("position"), nb::arg("unit") = "chars",
          "The first token that starts at the position or behind it, or None.")
      .def(
          "char_range_to_tokens",
          [](const Encoding& e, std::size_t begin, std::size_t end, const std::string& unit) {
            return char_range_to_tokens(e, {begin, end}, unit_of(unit));
          },
          nb::arg("begin"), nb::arg("end"), nb::arg("unit") = "chars",
          "The tokens that share text with [begin, end).")
      .def(
          "token_to_char_range",
          [](const Encoding& e, std::size_t token, const std::string& unit) {
            const TextRange r = token_to_char_range(e, token, unit_of(unit));
            return std::pair(r.begin, r.end);
          },
          nb::arg("token"), nb::arg("unit") = "chars",
          "(begin, end) of a token in the text; (0, 0) of one that was added.")
      .def("label_spans", &label_spans_of, nb::arg("spans"), nb::arg("unit") = "chars",
           "A label for each token: the name of the first of the spans, given as (name, begin, "
           "end), that it overlaps, else 'other'. The last token of each name is 'NAME_final'.")
      .def("convert_positions", &convert_positions_of, nb::arg("positions"),
           nb::arg("unit") = "chars",
           "(position, token, piece, is_exact) of each position; the nearest token if none covers "
           "it, None if no token stands for text.")
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
