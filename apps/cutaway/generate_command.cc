#include <cutaway/model.h>

#include <algorithm>

#include <fmt/format.h>

#include <cutaway/error.h>

#include "commands.h"
#include "edit_spec.h"
#include "json_document.h"
#include "output.h"
#include "session.h"
#include "stream_decoder.h"
#include "text.h"

namespace cutaway::cli {
namespace {

constexpr int kDone = 0, kInterrupted = 130;

struct Continuation {
  std::vector<TokenId> ids;  // new ones only
  std::string_view stop;     // "eos", "length" or "interrupted"
};

// Streams the first prompt; others follow whole, since their tokens come at the same time.
class Printer {
 public:
  Printer(const Session& session, std::span<const TokenId> before, Output& out)
      : session_(session), out_(out) {
    if (session.tokenizer != nullptr) decoder_.emplace(*session.tokenizer);
    for (TokenId id : before) push(id);
  }

  void push(TokenId id) {
    const std::string text = decoder_ ? decoder_->push(id) : id_text(id);
    if (text.empty()) return;
    session_.progress->clear();
    out_.write(text);
    if (out_.is_terminal()) out_.flush();
  }
  void finish() { out_.write((decoder_ ? decoder_->finish() : "") + "\n"); }

 private:
  // Without a tokenizer there are only numbers to show.
  std::string id_text(TokenId id) {
    const std::string text = fmt::format("{}{}", is_first_ ? "" : " ", id);
    is_first_ = false;
    return text;
  }
  const Session& session_;
  Output& out_;
  std::optional<StreamDecoder> decoder_;
  bool is_first_ = true;
};

std::string decode(const Session& session, std::span<const TokenId> ids) {
  if (session.tokenizer != nullptr) return session.tokenizer->decode(ids, true);
  std::string text;
  for (TokenId id : ids) {
    if (!text.empty()) text += ' ';
    text += std::to_string(id);
  }
  return text;
}

// Without -n a prompt near the end of the context gets what still fits.
std::size_t tokens_to_add(const GenerateCommandOptions& options, const ModelConfig& config,
                          const std::vector<Prompt>& prompts) {
  constexpr std::size_t kDefault = 64;
  if (options.max_new_tokens) return *options.max_new_tokens;
  std::size_t longest = 0;
  for (const Prompt& prompt : prompts) longest = std::max(longest, prompt.ids().size());
  return config.n_ctx > longest ? std::min(kDefault, config.n_ctx - longest) : kDefault;
}

std::string_view stop_reason(const Continuation& c, const ModelConfig& config, bool interrupted,
                             std::size_t max_new_tokens, bool stop_at_eos) {
  const auto& eos = config.eos_ids;
  if (!c.ids.empty() && stop_at_eos &&
      std::find(eos.begin(), eos.end(), c.ids.back()) != eos.end()) {
    return "eos";
  }
  return interrupted && c.ids.size() < max_new_tokens ? "interrupted" : "length";
}

std::string to_json(const GenerateCommandOptions& options, const Session& session,
                    const std::vector<Prompt>& prompts, const std::vector<Continuation>& outputs,
                    std::size_t max_new_tokens) {
  io::JsonWriter json;
  begin_document(json, "generate", session.resolved.name);
  json.key("tokens");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    std::vector<TokenId> ids = prompts[row].ids();
    const std::size_t n_prompt = ids.size();
    ids.insert(ids.end(), outputs[row].ids.begin(), outputs[row].ids.end());
    for (std::size_t pos = 0; pos < ids.size(); ++pos) {
      json.begin_object();
      json.member("row", row);
      json.member("pos", pos);
      write_token_name(json, ids[pos], session.tokenizer);
      json.member("generated", pos >= n_prompt);
      json.end_object();
    }
  }
  json.end_array();
  json.key("settings");
  json.begin_object();
  json.member("max_new_tokens", max_new_tokens);
  json.member("temperature", options.temperature);
  json.member("top_k", options.top_k);
  json.member("top_p", options.top_p);
  json.member("seed", static_cast<std::int64_t>(options.common.seed));
  json.member("recompute", options.recompute);
  json.member("stop_at_eos", options.stop_at_eos);
  json.end_object();
  write_strings(json, "edits", options.edits);
  json.key("outputs");
  json.begin_array();
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    json.begin_object();
    json.member("row", row);
    json.key("prompt");
    if (prompts[row].text) {
      json.value(*prompts[row].text);
    } else {
      json.null();
    }
    // The continuation is what the whole text adds to the prompt's: some decoders drop a leading
    // space when they see the new tokens alone.
    std::vector<TokenId> all = prompts[row].ids();
    const std::string before = decode(session, all);
    all.insert(all.end(), outputs[row].ids.begin(), outputs[row].ids.end());
    const std::string whole = decode(session, all);
    const bool extends = whole.compare(0, before.size(), before) == 0;
    json.member("text", extends ? whole.substr(before.size()) : decode(session, outputs[row].ids));
    json.member("full_text", whole);
    json.member("new_tokens", outputs[row].ids.size());
    json.member("stop", outputs[row].stop);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace

int generate_command(const GenerateCommandOptions& options) {
  const std::vector<EditSpec> edits = parse_edits(options.edits);
  Output out = Output::of_command(options.common);
  const Session session = open_session(options.common);
  const std::vector<Prompt> prompts = read_prompts(
      options.common, session.tokenizer, chat_template_of(options.common, session.resolved.path));
  require_tokens(prompts);
  const HookSpec hooks = make_edits(edits, prompts);

  const bool is_json = options.common.json.has_value();
  std::vector<Continuation> outputs(prompts.size());
  std::optional<Printer> printer;
  // Of a chat the answer alone: the template's words are not what was typed.
  const auto before = [&](const Prompt& prompt) {
    return options.common.chat ? std::vector<TokenId>() : prompt.ids();
  };
  if (!is_json) printer.emplace(session, before(prompts.front()), out);

  const std::size_t max_new_tokens = tokens_to_add(options, session.model.config(), prompts);
  GenerateOptions generate{.max_new_tokens = max_new_tokens,
                           .temperature = options.temperature,
                           .top_k = options.top_k,
                           .top_p = options.top_p,
                           .seed = options.common.seed,
                           .stop_at_eos = options.stop_at_eos,
                           .recompute = options.recompute};
  generate.on_token = [&](std::size_t row, TokenId id) {
    outputs[row].ids.push_back(id);
    if (printer && row == 0) printer->push(id);
  };
  bool interrupted = false;
  try {
    session.model.generate(batch_of(prompts), hooks, generate);
  } catch (const InterruptedError&) {
    interrupted = true;  // what was written so far is kept
  }
  session.progress->clear();
  for (Continuation& c : outputs) {
    c.stop =
        stop_reason(c, session.model.config(), interrupted, max_new_tokens, options.stop_at_eos);
  }

  if (is_json) {
    out.write(to_json(options, session, prompts, outputs, max_new_tokens));
  } else {
    printer->finish();
    for (std::size_t row = 1; row < prompts.size(); ++row) {
      std::vector<TokenId> all = before(prompts[row]);
      all.insert(all.end(), outputs[row].ids.begin(), outputs[row].ids.end());
      out.write("\n");
      out.write(decode(session, all));
      out.write("\n");
    }
  }
  out.commit();
  return interrupted ? kInterrupted : kDone;
}

}  // namespace cutaway::cli
