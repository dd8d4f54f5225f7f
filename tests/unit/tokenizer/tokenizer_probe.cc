// What a tokenizer makes of texts, as JSON for a script to compare; and how fast it is.
//
//   tokenizer_probe TOKENIZER TEXTS
//
// TEXTS is a JSON list of strings; prints one JSON object a text.
//
//   tokenizer_probe TOKENIZER --seconds FILE RUNS
//
// Prints RUNS times of encoding FILE, without offsets, and the number of tokens.
//
//   tokenizer_probe TOKENIZER --load RUNS
//
// Prints RUNS times of loading.
#include <cutaway/error.h>
#include <cutaway/tokenizer.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "io/json.h"

namespace {

using cutaway::TextRange;
using cutaway::Tokenizer;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <typename Range, typename Show>
std::string list(const Range& range, Show&& show) {
  std::string out = "[";
  for (const auto& item : range) {
    if (out.size() > 1) out += ',';
    out += show(item);
  }
  return out + ']';
}

std::string row(const Tokenizer& tokenizer, const std::string& text) {
  const auto number = [](auto n) { return std::to_string(n); };
  const auto range = [](const TextRange& r) {
    return std::to_string(r.begin) + ',' + std::to_string(r.end);
  };
  const auto encoding = tokenizer.encode_with_offsets(text);
  std::string out = "{\"ids\":" + list(encoding.ids, number);
  out += ",\"pieces\":" + list(encoding.pieces, [](const std::string& p) { return in_quotes(p); });
  out += ",\"chars\":" + list(encoding.chars, range);
  out += ",\"bytes\":" + list(encoding.bytes, range);
  out += ",\"special\":" + list(encoding.special, [](bool b) { return b ? "1" : "0"; });
  out += ",\"same\":" + std::string(tokenizer.encode(text) == encoding.ids ? "true" : "false");
  out += ",\"plain\":" + list(tokenizer.encode(text, false), number);
  out += ",\"decoded\":[" + in_quotes(tokenizer.decode(encoding.ids, false)) + ',' +
         in_quotes(tokenizer.decode(encoding.ids, true)) + "]}";
  return out;
}

/// Of processor time, so that other work on the machine counts less. One thread only runs here.
double seconds(std::clock_t since) {
  return static_cast<double>(std::clock() - since) / CLOCKS_PER_SEC;
}

int run(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[2] : "";
  if (mode == "--load" && argc == 4) {
    for (int i = std::stoi(argv[3]); i > 0; --i) {
      const auto start = std::clock();
      const Tokenizer tokenizer = Tokenizer::load(argv[1]);
      std::printf("%.6f\n", seconds(start));
    }
    return 0;
  }
  const Tokenizer tokenizer = Tokenizer::load(argv[1]);
  if (mode == "--seconds" && argc == 5) {
    std::ifstream file(argv[3], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (int i = std::stoi(argv[4]); i > 0; --i) {
      const auto start = std::clock();
      const std::size_t count = tokenizer.encode(text).size();
      std::printf("%.6f %zu\n", seconds(start), count);
      std::fflush(stdout);
    }
    return 0;
  }
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TOKENIZER TEXTS | --seconds FILE RUNS | --load RUNS\n",
                 argv[0]);
    return 2;
  }
  const cutaway::io::Json texts = cutaway::io::Json::load(argv[2]);
  for (const auto& text : texts.items()) {
    try {
      std::cout << row(tokenizer, text.as_string()) << '\n';
    } catch (const cutaway::Error& error) {
      std::cout << "{\"error\":" << in_quotes(error.what()) << "}\n";
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
