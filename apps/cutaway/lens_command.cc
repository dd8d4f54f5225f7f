#include <cutaway/lens.h>

#include <array>
#include <cmath>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "base/names.h"
#include "commands.h"
#include "edit_spec.h"
#include "heat_map.h"
#include "json_document.h"
#include "numbers.h"
#include "output.h"
#include "session.h"
#include "table.h"
#include "text.h"

namespace cutaway::cli {
namespace {

struct NamedSite {
  std::string_view name;
  Site site;
};
constexpr std::array kSites = {
    NamedSite{"resid_pre", Site::kResidPre}, NamedSite{"resid_mid", Site::kResidMid},
    NamedSite{"resid_post", Site::kResidPost}, NamedSite{"attn_out", Site::kAttnOut},
    NamedSite{"mlp_out", Site::kMlpOut}};

Site parse_site(const std::string& text) {
  std::vector<std::string> names;
  for (const NamedSite& site : kSites) {
    if (site.name == text) return site.site;
    names.emplace_back(site.name);
  }
  std::vector<std::string> near = nearest_names(text, names);
  const std::string message =
      fmt::format("'{}', expected resid_pre, resid_mid, resid_post, attn_out or mlp_out{}", text,
                  did_you_mean(near));
  throw UnknownNameError("--site", message, std::move(near));
}

// Digits are an id; "text:7" is the token that spells 7.
TokenId parse_target(const std::string& text, const Tokenizer* tokenizer) {
  constexpr std::string_view kText = "text:";
  const bool is_id = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (is_id) return static_cast<TokenId>(parse_int("--target", text, 0, 0x7fffffff));
  if (tokenizer == nullptr) {
    throw UnsupportedError("--target", "this checkpoint has no tokenizer, expected a token id");
  }
  const bool marked = text.compare(0, kText.size(), kText) == 0;
  const std::string words = marked ? text.substr(kText.size()) : text;
  try {
    return tokenizer->single_token(words);
  } catch (const ArgumentError& error) {
    throw ArgumentError("--target", error.what());
  }
}

std::string quoted(const Tokenizer* tokenizer, TokenId id) {
  return fmt::format("\"{}\"", escape(text_of(tokenizer, id)));
}

// In the map a leading space is shown, since it is part of the word.
std::string bare(const Tokenizer* tokenizer, TokenId id) {
  std::string text = escape(text_of(tokenizer, id));
  if (!text.empty() && text.front() == ' ') text.replace(0, 1, "·");
  return text.empty() ? "\"\"" : text;
}

void write_cell(io::JsonWriter& json, std::size_t row, const LensCell& cell,
                const Tokenizer* tokenizer) {
  json.begin_object();
  json.member("row", row);
  json.member("layer", cell.layer);
  json.member("pos", cell.pos);
  json.member("entropy", cell.entropy);
  if (!std::isfinite(cell.entropy)) json.member("reason", "the logits are not finite");
  json.key("top");
  write_top(json, cell.top, tokenizer);
  json.key("target");
  if (cell.target) {
    json.begin_object();
    write_token_scores(json, *cell.target);
    json.member("rank", *cell.target_rank);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
}

std::string to_json(const LensCommandOptions& options, const Session& session,
                    const std::vector<Prompt>& prompts, const std::vector<LensResult>& results,
                    std::optional<TokenId> target) {
  io::JsonWriter json;
  begin_document(json, "lens", session.resolved.name);
  write_tokens(json, prompts, session.tokenizer);
  json.member("site", options.site);
  json.member("top_k", options.top_k);
  json.key("target");
  if (target) {
    json.begin_object();
    write_token_name(json, *target, session.tokenizer);
    json.end_object();
  } else {
    json.null();
  }
  json.key("layers");
  json.begin_array();
  for (int layer : results.front().layers) json.value(layer);
  json.end_array();
  write_strings(json, "edits", options.edits);
  json.key("cells");
  json.begin_array();
  for (std::size_t row = 0; row < results.size(); ++row) {
    for (const LensCell& cell : results[row].cells) write_cell(json, row, cell, session.tokenizer);
  }
  json.end_array();
  json.end_object();
  return json.take();
}

std::string map_of(const LensResult& result, const Tokenizer* tokenizer, const Output& out) {
  HeatMap map;
  map.corner = "layer";
  for (std::size_t pos : result.positions) {
    map.column_labels.push_back(fmt::format("{} {}", pos, bare(tokenizer, result.tokens[pos])));
  }
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    map.row_labels.push_back(fmt::to_string(result.layers[l]));
    std::vector<HeatCell>& row = map.cells.emplace_back();
    for (std::size_t p = 0; p < result.positions.size(); ++p) {
      const LensCell& cell = result.at(l, p);
      // Logits that are all NaN have no top token.
      row.push_back(cell.top.empty() ? HeatCell{"-", std::nan("")}
                                     : HeatCell{bare(tokenizer, cell.top.front().id),
                                                static_cast<double>(cell.top.front().prob)});
    }
  }
  return map.to_string(out.width(), out.has_colour());
}

std::string last_position_table(const LensResult& result, const Tokenizer* tokenizer,
                                std::size_t top_k) {
  Table table;
  table.column("layer", Table::Align::kRight);
  table.column("entropy", Table::Align::kRight);
  if (result.cells.front().target) {
    table.column("target", Table::Align::kRight);
    table.column("rank", Table::Align::kRight);
  }
  for (std::size_t i = 0; i < top_k; ++i) table.column(i == 0 ? "top" : "");
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    const LensCell& cell = result.at(l, result.positions.size() - 1);
    std::vector<std::string> cells = {fmt::to_string(cell.layer),
                                      fmt::format("{:.3f}", cell.entropy)};
    if (cell.target) {
      cells.push_back(format_probability(cell.target->prob));
      cells.push_back(fmt::to_string(*cell.target_rank));
    }
    for (std::size_t i = 0; i < top_k; ++i) {
      cells.push_back(i < cell.top.size() ? fmt::format("{} {}", quoted(tokenizer, cell.top[i].id),
                                                        format_probability(cell.top[i].prob))
                                          : "");
    }
    table.row(std::move(cells));
  }
  return table.to_string();
}

std::string to_text(const LensCommandOptions& options, const Session& session,
                    const LensResult& result, std::optional<TokenId> target, const Output& out) {
  const auto count = [](std::size_t n, std::string_view noun) {
    return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
  };
  std::string text =
      fmt::format("{}: logit lens of {}, {}, {}\n\n", escape(session.resolved.name), options.site,
                  count(result.layers.size(), "layer"), count(result.positions.size(), "position"));
  text += map_of(result, session.tokenizer, out);
  const std::size_t last = result.positions.back();
  text += fmt::format("\nat position {} {}", last, quoted(session.tokenizer, result.tokens[last]));
  if (target) text += fmt::format(", target {}", quoted(session.tokenizer, *target));
  text += "\n";
  std::size_t shown = 0;
  for (const LensCell& cell : result.cells) shown = std::max(shown, cell.top.size());
  return text + last_position_table(result, session.tokenizer, shown);
}

}  // namespace

int lens_command(const LensCommandOptions& options) {
  LensOptions lens;
  lens.site = parse_site(options.site);
  lens.top_k = options.top_k;
  const PositionSpec pos = parse_positions("--pos", options.pos);
  const std::vector<EditSpec> edits = parse_edits(options.edits);
  Output out = Output::of_command(options.common);

  const Session session = open_session(options.common);
  lens.layers = parse_layers(options.layers, session.model.config().n_layers);
  if (options.target) lens.target = parse_target(*options.target, session.tokenizer);
  const std::vector<Prompt> prompts = read_prompts(options.common, session.tokenizer);
  require_tokens(prompts);

  std::vector<LensResult> results;
  for (const Prompt& prompt : prompts) {
    lens.pos = resolve(pos, prompt, "--pos");
    lens.hooks = make_edits(edits, {&prompt, 1});
    results.push_back(logit_lens(session.model, prompt.ids(), lens));
  }
  session.progress->clear();

  if (options.common.json) {
    out.write(to_json(options, session, prompts, results, lens.target));
  } else {
    for (std::size_t row = 0; row < results.size(); ++row) {
      if (row > 0) out.write("\n");
      out.write(to_text(options, session, results[row], lens.target, out));
    }
  }
  out.commit();
  return 0;
}

}  // namespace cutaway::cli
