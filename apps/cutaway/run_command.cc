#include <cutaway/lens.h>
#include <cutaway/model.h>
#include <cutaway/save.h>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "commands.h"
#include "edit_spec.h"
#include "json_document.h"
#include "output.h"
#include "session.h"
#include "table.h"
#include "text.h"

namespace cutaway::cli {
namespace {

constexpr std::string_view kNoPrediction = "the logits are not numbers";

using Predictions = std::vector<std::vector<LensToken>>;  // one list a prompt

void check_call(const RunCommandOptions& options) {
  for (const std::string& where : options.captures) {
    if (where.empty()) throw ArgumentError("--capture", "empty, expected a hook or a glob");
  }
  if (!options.common.output) return;
  const std::filesystem::path path(*options.common.output);
  if (path.extension() != ".npz" && path.extension() != ".safetensors") {
    throw ArgumentError("-o", fmt::format("'{}', expected a file that ends in .npz or .safetensors",
                                          path.string()));
  }
  std::error_code ignored;
  if (path.has_parent_path() && !std::filesystem::is_directory(path.parent_path(), ignored)) {
    throw IoError(path.string(), fmt::format("there is no folder '{}' to write it in",
                                             path.parent_path().string()));
  }
  if (options.captures.empty()) {
    throw ArgumentError("-o", "nothing to write, expected at least one --capture");
  }
}

Predictions predict(const RunResult& run, std::size_t rows, std::size_t top) {
  Predictions out(rows);
  if (top == 0) return out;
  const std::size_t d_vocab = run.logits().extent(2);
  for (std::size_t row = 0; row < rows; ++row) {
    out[row] = top_tokens(run.logits().values().subspan(row * d_vocab, d_vocab), top);
  }
  return out;
}

std::string to_json(const RunCommandOptions& options, const Session& session,
                    const std::vector<Prompt>& prompts, const RunResult& run,
                    const Predictions& predictions) {
  io::JsonWriter json;
  begin_document(json, "run", session.resolved.name);
  write_tokens(json, prompts, session.tokenizer);
  write_strings(json, "edits", options.edits);
  json.key("captures");
  json.begin_array();
  for (const auto& [point, when] : run.cache().keys()) {
    json.begin_object();
    json.member("name", ActivationCache::key_name(point, when));
    json.member("hook", point.name());
    json.member("when", when == When::kBefore ? "before" : "after");
    json.key("shape");
    json.begin_array();
    for (std::size_t extent : run.cache().at(point, when).shape()) json.value(extent);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.key("output");
  if (options.common.output) {
    json.value(*options.common.output);
  } else {
    json.null();
  }
  json.key("predictions");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size() && options.top > 0; ++row) {
    json.begin_object();
    json.member("row", row);
    json.member("pos", prompts[row].ids().size() - 1);
    json.key("top");
    write_top(json, predictions[row], session.tokenizer);
    if (predictions[row].empty()) json.member("reason", kNoPrediction);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

std::string predictions_table(const std::vector<LensToken>& top, const Tokenizer* tokenizer) {
  Table table;
  table.column("id", Table::Align::kRight);
  table.column("probability", Table::Align::kRight);
  table.column("logit", Table::Align::kRight);
  table.column("token");
  for (const LensToken& token : top) {
    table.row({fmt::to_string(token.id), format_probability(token.prob),
               fmt::format("{:.4f}", token.logit),
               fmt::format("\"{}\"", escape(text_of(tokenizer, token.id)))});
  }
  return table.to_string();
}

std::string to_text(const RunCommandOptions& options, const Session& session,
                    const std::vector<Prompt>& prompts, const RunResult& run,
                    const Predictions& predictions) {
  std::string out;
  if (options.common.output) {
    out +=
        fmt::format("wrote {} arrays to {}\n", run.cache().size(), escape(*options.common.output));
  } else if (run.cache().size() > 0) {
    Table table;
    table.column("captured");
    table.column("shape");
    for (const auto& [point, when] : run.cache().keys()) {
      table.row({ActivationCache::key_name(point, when),
                 shape_string(run.cache().at(point, when).shape())});
    }
    out += table.to_string();
  }
  for (std::size_t row = 0; row < prompts.size() && options.top > 0; ++row) {
    const auto& ids = prompts[row].ids();
    if (!out.empty()) out += "\n";
    out += fmt::format("after token {} \"{}\"", ids.size() - 1,
                       escape(text_of(session.tokenizer, ids.back())));
    if (prompts.size() > 1) out += fmt::format(" of prompt {}", row);
    out += "\n";
    out += predictions[row].empty() ? fmt::format("{}\n", kNoPrediction)
                                    : predictions_table(predictions[row], session.tokenizer);
  }
  return out;
}

}  // namespace

int run_command(const RunCommandOptions& options) {
  check_call(options);
  const std::vector<EditSpec> edits = parse_edits(options.edits);
  // -o names the arrays here, so only --json F moves the text.
  const auto& json = options.common.json;
  Output out(json && *json != "-" ? json : std::nullopt);
  const Session session = open_session(options.common);
  const std::vector<Prompt> prompts = read_prompts(options.common, session.tokenizer);
  require_tokens(prompts);

  HookSpec hooks = make_edits(edits, prompts);
  for (const std::string& where : options.captures) {
    hooks.capture(where, options.before_edits ? When::kBefore : When::kAfter);
  }
  const RunResult run = session.model.run(
      batch_of(prompts), hooks, {.logits = options.top > 0 ? LogitRows::kLast : LogitRows::kNone});
  session.progress->clear();
  const Predictions predictions = predict(run, prompts.size(), options.top);

  if (options.common.output) save(run.cache(), *options.common.output);
  out.write(json ? to_json(options, session, prompts, run, predictions)
                 : to_text(options, session, prompts, run, predictions));
  out.commit();
  return 0;
}

}  // namespace cutaway::cli
