// Rotary embedding as config.json says it, in both spellings: `rope_theta` + `rope_scaling`, and
// `rope_parameters`.
#include <algorithm>
#include <cmath>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "model/config_parts.h"

namespace cutaway {
namespace {

/// What the nested object does not hold.
struct Outer {
  double theta;
  std::size_t n_ctx;  ///< max_position_embeddings
  std::optional<double> original_n_ctx;
};

void require(ConfigReader& reader, std::string_view key) {
  if (!reader.has(key))
    throw FormatError(reader.origin(), fmt::format("{} is missing", reader.field(key)));
}

std::vector<float> factors(ConfigReader& reader, std::string_view key, std::size_t count) {
  require(reader, key);
  const auto items = reader.find(key)->items();
  if (items.size() != count) {
    throw FormatError(reader.origin(),
                      fmt::format("{} has {} numbers, expected one for each of {} frequencies",
                                  reader.field(key), items.size(), count));
  }
  std::vector<float> out;
  for (const io::Json& item : items) {
    const auto f = static_cast<float>(item.as_double());
    if (!std::isfinite(f) || f <= 0.0F) {
      throw FormatError(reader.origin(),
                        fmt::format("{} holds {}, expected numbers above 0", reader.field(key), f));
    }
    out.push_back(f);
  }
  return out;
}

void parse_llama3(ConfigReader& reader, RopeConfig& rope) {
  for (std::string_view key : {"factor", "low_freq_factor", "high_freq_factor"})
    require(reader, key);
  rope.factor = reader.positive_or("factor", 1.0);
  rope.low_freq_factor = reader.positive_or("low_freq_factor", 1.0);
  rope.high_freq_factor = reader.positive_or("high_freq_factor", 4.0);
  if (rope.high_freq_factor <= rope.low_freq_factor) {
    throw FormatError(
        reader.origin(),
        fmt::format("{} is {}, expected more than low_freq_factor ({})",
                    reader.field("high_freq_factor"), rope.high_freq_factor, rope.low_freq_factor));
  }
}

/// Peng et al. 2023, with the options of transformers' `_compute_yarn_parameters`.
void parse_yarn(ConfigReader& reader, const Outer& outer, RopeConfig& rope) {
  rope.factor =
      reader.positive_or("factor", static_cast<double>(outer.n_ctx) / rope.original_n_ctx);
  rope.beta_fast = reader.positive_or("beta_fast", 32.0);
  rope.beta_slow = reader.positive_or("beta_slow", 1.0);
  rope.truncate = reader.find_bool("truncate").value_or(true);
  reader.ignore("finetuned");  // where the numbers came from
  const auto magnitude = [&](double scale) {
    return rope.factor <= 1.0 ? 1.0 : 0.1 * scale * std::log(rope.factor) + 1.0;
  };
  const double mscale = reader.find_double("mscale").value_or(0.0);
  const double all_dims = reader.find_double("mscale_all_dim").value_or(0.0);
  const double inferred =
      mscale != 0.0 && all_dims != 0.0 ? magnitude(mscale) / magnitude(all_dims) : magnitude(1.0);
  rope.attention_factor = reader.positive_or("attention_factor", inferred);
}

/// Ding et al. 2024: one divisor a frequency, of its own for long texts.
void parse_longrope(ConfigReader& reader, const Outer& outer, RopeConfig& rope) {
  rope.factors = factors(reader, "short_factor", rope.dims / 2);
  rope.long_factors = factors(reader, "long_factor", rope.dims / 2);
  rope.factor =
      reader.positive_or("factor", static_cast<double>(outer.n_ctx) / rope.original_n_ctx);
  const double inferred =
      rope.factor <= 1.0 ? 1.0
                         : std::sqrt(1.0 + std::log(rope.factor) / std::log(rope.original_n_ctx));
  rope.attention_factor = reader.positive_or("attention_factor", inferred);
}

std::string rope_type(ConfigReader& reader) {
  std::string type = "default";
  for (std::string_view key : {"type", "rope_type"}) type = reader.find_string(key).value_or(type);
  // Phi-3's first files say "su", or "yarn", for what became longrope.
  const bool is_long = type == "su" || (type == "yarn" && reader.has("short_factor"));
  return is_long ? "longrope" : type;
}

RopeConfig parse_rope(const io::Json& json, const Family& family, std::size_t d_head, double share,
                      const Outer& outer) {
  ConfigReader reader(json);
  RopeConfig rope{.pairs = family.rotary_pairs};
  rope.theta = reader.positive_or("rope_theta", outer.theta);
  share = reader.positive_or("partial_rotary_factor", share);
  if (family.keys.rotary_share.empty() && share != 1.0)
    unsupported(reader, "partial_rotary_factor", "not 1",
                fmt::format("1 in family {}", family.model_type));
  if (share > 1.0)
    throw FormatError(reader.origin(), fmt::format("{} is {}, expected at most 1",
                                                   reader.field("partial_rotary_factor"), share));
  rope.dims = static_cast<std::size_t>(static_cast<double>(d_head) * share);
  const std::string type = rope_type(reader);
  const double own =
      reader.positive_or("original_max_position_embeddings", static_cast<double>(outer.n_ctx));
  if (type == "llama3" || type == "yarn" || type == "longrope")
    rope.original_n_ctx = outer.original_n_ctx.value_or(own);
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    require(reader, "factor");
    rope.factor = reader.positive_or("factor", 1.0);
  } else if (type == "dynamic") {
    rope.scaling = RopeScaling::kDynamic;
    require(reader, "factor");
    rope.factor = reader.positive_or("factor", 1.0);
    rope.original_n_ctx = static_cast<double>(outer.n_ctx);
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    parse_llama3(reader, rope);
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    parse_yarn(reader, outer, rope);
  } else if (type == "longrope") {
    rope.scaling = RopeScaling::kLongRope;
    parse_longrope(reader, outer, rope);
  } else if (type != "default") {
    unsupported(reader, "rope_type", "'" + type + "'",
                "default, linear, dynamic, llama3, yarn and longrope");
  }
  reader.check_all_understood("");
  return rope;
}

/// A context that the scaling extends beyond max_position_embeddings.
std::size_t extended_context(const RopeConfig& rope, std::size_t n_ctx) {
  if (rope.scaling != RopeScaling::kDynamic && rope.scaling != RopeScaling::kYarn) return n_ctx;
  const double extended = std::floor(rope.original_n_ctx * rope.factor);
  return extended < 0x7FFFFFFF ? std::max(n_ctx, static_cast<std::size_t>(extended)) : n_ctx;
}

}  // namespace

void parse_ropes(ConfigReader& reader, const Family& family, ModelConfig& config) {
  if (!family.has_rotary) return;
  const ConfigKeys& keys = family.keys;
  Outer outer{.theta = keys.rope_theta.empty()
                           ? family.rope_theta
                           : reader.positive_or(keys.rope_theta, family.rope_theta),
              .n_ctx = config.n_ctx,
              .original_n_ctx = reader.find_double("original_max_position_embeddings")};
  if (keys.rope_theta != "rope_theta" && !keys.rope_theta.empty())
    outer.theta = reader.positive_or("rope_theta", outer.theta);
  double share = family.rotary_share;
  if (!keys.rotary_share.empty()) share = reader.positive_or(keys.rotary_share, share);

  config.rope = {.dims = static_cast<std::size_t>(static_cast<double>(config.d_head) * share),
                 .pairs = family.rotary_pairs,
                 .theta = outer.theta};
  if (!keys.rotary_dims.empty()) config.rope.dims = reader.size_or(keys.rotary_dims, 64);
  config.rope_local = config.rope;
  if (family.local_rope) config.rope_local.theta = reader.positive_or("rope_local_base_freq", 1e4);

  // Files written across versions may hold both spellings of one thing; in transformers a
  // rope_scaling that says something replaces rope_parameters.
  const io::Json* source = reader.find("rope_parameters");
  const io::Json* scaling = reader.find("rope_scaling");
  if (scaling != nullptr && !scaling->members().empty()) source = scaling;
  if (source != nullptr) {
    if (family.local_rope && source->find("full_attention") != nullptr) {
      ConfigReader parts(*source);
      if (const io::Json* part = parts.find("full_attention"))
        config.rope = parse_rope(*part, family, config.d_head, share, outer);
      outer.theta = config.rope_local.theta;
      if (const io::Json* part = parts.find("sliding_attention"))
        config.rope_local = parse_rope(*part, family, config.d_head, share, outer);
      parts.check_all_understood("");
    } else {
      config.rope = parse_rope(*source, family, config.d_head, share, outer);
    }
  }
  if (!family.local_rope) config.rope_local = config.rope;
  config.n_ctx = extended_context(config.rope, config.n_ctx);
}

}  // namespace cutaway
