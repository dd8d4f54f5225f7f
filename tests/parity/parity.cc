// Writes docs/parity.md: the largest error of every hook point of every family against Hugging
// Face.
//
//   cutaway_parity [--check] FILE [FIXTURE=MODEL.gguf ...]
//
// Numbers depend on the CPU's vector length in their last digits, so --check compares families and
// hook points with the file and holds today's errors to the tolerance. A published model
// (tests/fixtures/real/FIXTURE) that is not given keeps its line.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <cutaway/cutaway.h>
#include <fmt/format.h>

#include "io/json.h"
#include "io/safetensors.h"
#include "unit/model/golden.h"

namespace {

using namespace cutaway;  // NOLINT: a program of one file

struct Parity {
  std::vector<std::string>
      points;  // in the order of the hook table; layers and experts as {i}, {e}
  std::map<std::string, std::map<std::string, double>> errors;  // family → point → largest
  std::map<std::string, int> fixtures, equal_tokens, tokens;
};

std::string point_kind(HookPoint point) {
  const SiteInfo& info = site_info(point.site());
  return (info.per_layer ? "blocks.{i}." : "") + std::string(info.suffix);
}

void measure(const std::string& name, Parity& parity) {
  const testing::Golden golden = testing::load_golden(name);
  const Model model = Model::load(golden.model(), Runtime({.threads = 2}));
  HookSpec hooks;
  hooks.capture("*");
  const RunResult out = model.run(golden.tokens, hooks);
  auto& errors = parity.errors[golden.family];
  for (HookPoint point : model.hook_points()) {
    const double error = testing::relative_error(out.at(point), golden.values.at(point.name()));
    double& worst = errors[point_kind(point)];
    worst = std::max(worst, error);
  }
  ++parity.fixtures[golden.family];
  const auto rows = model.generate({golden.tokens}, {},
                                   {.max_new_tokens = golden.greedy.size(), .stop_at_eos = false});
  for (std::size_t i = 0; i < golden.greedy.size(); ++i) {
    ++parity.tokens[golden.family];
    if (rows[0][golden.tokens.size() + i] == golden.greedy[i]) ++parity.equal_tokens[golden.family];
  }
}

Parity measure_all() {
  Parity parity;
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const SiteInfo& info = site_info(static_cast<Site>(i));
    parity.points.push_back((info.per_layer ? "blocks.{i}." : "") + std::string(info.suffix));
  }
  for (const std::string& name : testing::golden_names()) measure(name, parity);
  std::erase_if(parity.points, [&](const std::string& point) {
    return std::none_of(parity.errors.begin(), parity.errors.end(),
                        [&](const auto& family) { return family.second.contains(point); });
  });
  return parity;
}

std::string number(double error) { return error == 0.0 ? "0" : fmt::format("{:.0e}", error); }

// Greatest difference of the stored logits, and of the greedy tokens.
std::string published_line(const std::string& fixture, const std::string& path) {
  const std::string base = std::string(CUTAWAY_FIXTURES) + "/real/" + fixture;
  const io::Json json = io::Json::load(base + ".json");
  std::map<std::string, io::StoredTensor> golden;
  for (const io::StoredTensor& t : io::read_safetensors(base + ".safetensors").tensors)
    golden.emplace(t.name, t);
  const Model model = Model::load(path, Runtime());
  const std::size_t d_vocab = model.config().d_vocab;
  double worst = 0.0, largest = 0.0;
  std::size_t equal = 0, total = 0, prompts = 0;
  for (const io::Json& c : json.at("cases").items()) {
    const auto tokens = testing::ints(c.at("tokens")), greedy = testing::ints(c.at("greedy"));
    const io::StoredTensor& logits = golden.at(fmt::format("p{}.logits", prompts));
    const io::StoredTensor& id_tensor = golden.at(fmt::format("p{}.logits_ids", prompts));
    std::vector<std::int64_t> ids(id_tensor.count());
    std::memcpy(ids.data(), id_tensor.bytes.data(), id_tensor.bytes.size());
    std::vector<float> expected(logits.count());
    io::to_f32(logits, expected);
    const RunResult out = model.run(tokens);
    const float* last = out.logits().data() + (tokens.size() - logits.shape[0]) * d_vocab;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto row = i / logits.shape[1];
      const float ours = last[row * d_vocab + static_cast<std::size_t>(ids[i])];
      worst = std::max(worst, static_cast<double>(std::abs(ours - expected[i])));
      largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
    }
    const auto rows =
        model.generate({tokens}, {}, {.max_new_tokens = greedy.size(), .stop_at_eos = false});
    for (std::size_t i = 0; i < greedy.size(); ++i)
      equal += rows[0][tokens.size() + i] == greedy[i] ? 1 : 0;
    total += greedy.size();
    ++prompts;
  }
  return fmt::format("| {} | {} | {} | {:.1e} | {:.1e} | {} of {} |\n", fixture,
                     model.config().model_type, prompts, worst, worst / largest, equal, total);
}

std::string document(const Parity& parity, const std::map<std::string, std::string>& published) {
  std::string out =
      "# Parity with Hugging Face transformers\n\n"
      "Written by `cutaway_parity` (tests/parity); a test fails when a family or a hook point is "
      "missing here, or an error\nexceeds the tolerance.\n\n"
      "Each number is the largest difference from transformers (f32, eager attention) over the "
      "family's fixtures, layers and\nexperts, as a share of the largest value of the recorded "
      "array. Tolerance 1e-5: two correct f32 engines differ by a few\n1e-6 after some layers "
      "([numerics.md](numerics.md)). The last digits depend on the CPU's vector length.\n\n"
      "| hook point |";
  for (const auto& [family, errors] : parity.errors) out += fmt::format(" {} |", family);
  out += "\n| --- |";
  for (std::size_t i = 0; i < parity.errors.size(); ++i) out += " --- |";
  for (const std::string& point : parity.points) {
    out += fmt::format("\n| `{}` |", point);
    for (const auto& [family, errors] : parity.errors) {
      const auto it = errors.find(point);
      out += it == errors.end() ? "  |" : fmt::format(" {} |", number(it->second));
    }
  }
  out += "\n| fixtures |";
  for (const auto& [family, count] : parity.fixtures) out += fmt::format(" {} |", count);
  out += "\n| greedy tokens equal |";
  for (const auto& [family, count] : parity.tokens)
    out += fmt::format(" {} of {} |", parity.equal_tokens.at(family), count);
  out +=
      "\n\n## Published models\n\n"
      "GGUF files against transformers on the same dequantised weights: the stored logits of "
      "each prompt's last positions, and\ngreedy continuations.\n\n"
      "| model | family | prompts | largest difference | as a share of the largest logit | "
      "greedy tokens equal |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& [fixture, line] : published) out += line;
  return out;
}

std::map<std::string, std::string> published_lines(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream in(text.substr(std::min(text.size(), text.find("## Published"))));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## Checklist")) break;
    if (!line.starts_with("| ") || line.starts_with("| model") || line.starts_with("| ---"))
      continue;
    out[line.substr(2, line.find(' ', 2) - 2)] = line + "\n";
  }
  return out;
}

/// What people wrote under the tables.
std::string kept_tail(const std::string& text) {
  const auto at = text.find("\n## Checklist");
  return at == std::string::npos ? "" : text.substr(at);
}

/// The text with its numbers blanked.
std::string shape_of(const std::string& text) {
  std::string out;
  std::istringstream in(text.substr(0, text.find("## Published")));
  for (std::string line; std::getline(in, line);) {
    std::istringstream cells(line);
    bool first = true;
    for (std::string cell; std::getline(cells, cell, '|');) {
      const bool is_number = !first && !cell.empty() &&
                             cell.find_first_not_of(" 0123456789e-of") == std::string::npos &&
                             cell.find_first_not_of(' ') != std::string::npos;
      out += is_number ? "#|" : cell + "|";
      first = false;
    }
    out += "\n";
  }
  return out;
}

int check(const Parity& parity, const std::string& file_text, const std::string& now) {
  int failures = 0;
  for (const auto& [family, errors] : parity.errors) {
    for (const auto& [point, error] : errors) {
      if (error <= testing::kTolerance) continue;
      fmt::print("{}: {} is off by {:.1e}, allowed {:.0e}\n", family, point, error,
                 testing::kTolerance);
      ++failures;
    }
  }
  if (shape_of(file_text) != shape_of(now)) {
    fmt::print("families or hook points differ from the file: write it anew with cutaway_parity\n");
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_check = !arguments.empty() && arguments[0] == "--check";
  if (is_check) arguments.erase(arguments.begin());
  if (arguments.empty()) {
    fmt::print(stderr, "usage: cutaway_parity [--check] FILE [FIXTURE=MODEL.gguf ...]\n");
    return 2;
  }
  try {
    std::ifstream in(arguments[0]);
    std::ostringstream old;
    old << in.rdbuf();
    std::map<std::string, std::string> published = published_lines(old.str());
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const auto equals = arguments[i].find('=');
      const std::string fixture = arguments[i].substr(0, equals);
      published[fixture] = published_line(fixture, arguments[i].substr(equals + 1));
    }
    const Parity parity = measure_all();
    const std::string text = document(parity, published) + kept_tail(old.str());
    if (is_check) return check(parity, old.str(), text);
    std::ofstream(arguments[0]) << text;
  } catch (const std::exception& e) {
    fmt::print(stderr, "cutaway_parity: error: {}\n", e.what());
    return 1;
  }
  return 0;
}
