#include <cutaway/tokenizer.h>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "commands.h"
#include "json_document.h"
#include "numbers.h"
#include "output.h"
#include "prompts.h"
#include "resolve_model.h"
#include "table.h"
#include "text.h"
#include "text_places.h"

namespace cutaway::cli {
namespace {

void write_range(io::JsonWriter& json, std::string_view name, const TextRange& range) {
  json.key(name);
  json.begin_array();
  json.value(range.begin);
  json.value(range.end);
  json.end_array();
}

void write_matches(io::JsonWriter& json, const TokensOptions& options,
                   const std::vector<Prompt>& prompts) {
  json.key("positions");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    for (const PositionMatch& match : char_matches(options.chars, prompts[row])) {
      json.begin_object();
      json.member("row", row);
      json.member("char", match.position);
      json.key("pos");
      if (match.token) {
        json.value(*match.token);
      } else {
        json.null();
      }
      json.member("exact", match.is_exact);
      json.end_object();
    }
  }
  json.end_array();
}

// Offsets belong to the text: ids given as ids have none.
std::string to_json(const TokensOptions& options, const std::string& model,
                    const std::vector<Prompt>& prompts, const Tokenizer& tokenizer,
                    const std::optional<std::string>& decoded) {
  io::JsonWriter json;
  begin_document(json, "tokens", model);
  json.key("tokens");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    const Encoding& encoding = prompts[row].encoding;
    const std::vector<std::string> labels = span_labels(options.spans, prompts[row]);
    for (std::size_t pos = 0; pos < encoding.ids.size(); ++pos) {
      json.begin_object();
      json.member("row", row);
      json.member("pos", pos);
      write_token_name(json, encoding.ids[pos], &tokenizer);
      if (prompts[row].text) {
        json.member("special", bool{encoding.special[pos]});
        write_range(json, "bytes", encoding.bytes[pos]);
        write_range(json, "chars", encoding.chars[pos]);
      }
      if (!labels.empty()) json.member("label", labels[pos]);
      json.end_object();
    }
  }
  json.end_array();
  if (!options.chars.empty()) write_matches(json, options, prompts);
  json.key("decoded");
  if (decoded) {
    json.value(*decoded);
  } else {
    json.null();
  }
  json.end_object();
  return json.take();
}

// A line for each: "char 4: token 2 ĠE".
std::string to_lines(const std::vector<PositionMatch>& matches) {
  std::string out;
  for (const PositionMatch& match : matches) {
    const std::string token = match.token
                                  ? fmt::format("token {} {}{}", *match.token, escape(match.piece),
                                                match.is_exact ? "" : " (the nearest)")
                                  : "no token";
    out += fmt::format("char {}: {}\n", match.position, token);
  }
  return out;
}

std::string to_table(const TokensOptions& options, const Prompt& prompt,
                     const Tokenizer& tokenizer) {
  Table table;
  table.column("pos", Table::Align::kRight);
  table.column("id", Table::Align::kRight);
  table.column("piece");
  table.column("text");
  if (prompt.text) {
    table.column("bytes");
    table.column("chars");
  }
  const std::vector<std::string> labels = span_labels(options.spans, prompt);
  if (!labels.empty()) table.column("label");
  const Encoding& encoding = prompt.encoding;
  for (std::size_t pos = 0; pos < encoding.ids.size(); ++pos) {
    const TokenId id = encoding.ids[pos];
    std::vector<std::string> cells = {fmt::to_string(pos), fmt::to_string(id),
                                      escape(tokenizer.piece(id)),
                                      fmt::format("\"{}\"", escape(text_of(&tokenizer, id)))};
    if (prompt.text) {
      for (const TextRange& range : {encoding.bytes[pos], encoding.chars[pos]}) {
        cells.push_back(encoding.special[pos] ? "-" : fmt::format("{}:{}", range.begin, range.end));
      }
    }
    if (!labels.empty()) cells.push_back(escape(labels[pos]));
    table.row(std::move(cells));
  }
  return table.to_string() + to_lines(char_matches(options.chars, prompt));
}

}  // namespace

int tokens_command(const TokensOptions& options) {
  if (options.decode && has_prompts(options.common)) {
    throw ArgumentError("--decode", "given together with a prompt, expected one of the two");
  }
  if (options.decode && options.common.chat) {
    throw ArgumentError("--decode", "given together with --chat, expected one of the two");
  }
  Output out = Output::of_command(options.common);
  const ResolvedModel resolved = resolve_model(options.common);
  const Tokenizer tokenizer = Tokenizer::load(resolved.path);
  std::vector<Prompt> prompts;
  std::optional<std::string> decoded;
  if (options.decode) {
    prompts.emplace_back().encoding.ids = parse_token_ids("--decode", *options.decode);
    decoded = tokenizer.decode(prompts.front().ids());
  } else {
    prompts =
        read_prompts(options.common, &tokenizer, chat_template_of(options.common, resolved.path));
  }
  require_text(options, prompts);
  for (const Prompt& prompt : prompts) {
    for (TokenId id : prompt.ids()) tokenizer.piece(id);  // an id that is not there is an error
  }
  if (options.common.json) {
    out.write(to_json(options, resolved.name, prompts, tokenizer, decoded));
  } else if (decoded) {
    out.write(*decoded + "\n");
  } else {
    for (std::size_t row = 0; row < prompts.size(); ++row) {
      if (row > 0) out.write("\n");
      out.write(to_table(options, prompts[row], tokenizer));
    }
  }
  out.commit();
  return 0;
}

}  // namespace cutaway::cli
