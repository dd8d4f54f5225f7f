#include "model/tensor_source.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <cutaway/error.h>
#include <cutaway/tensor.h>
#include <fmt/format.h>

namespace cutaway {
namespace {

struct Rename {
  std::string_view gguf;
  std::string_view TensorNames::*name;
};

constexpr Rename kGlobal[] = {
    {"token_embd", &TensorNames::embed},
    {"position_embd", &TensorNames::positions},
    {"output_norm", &TensorNames::ln_final},
};
constexpr std::string_view kGgufHead = "output";
constexpr Rename kBlock[] = {
    {"attn_norm", &TensorNames::ln1},      {"post_attention_norm", &TensorNames::ln1_post},
    {"ffn_norm", &TensorNames::ln2},       {"post_ffw_norm", &TensorNames::ln2_post},
    {"attn_q", &TensorNames::q},           {"attn_k", &TensorNames::k},
    {"attn_v", &TensorNames::v},           {"attn_output", &TensorNames::o},
    {"attn_qkv", &TensorNames::qkv},       {"attn_q_norm", &TensorNames::q_norm},
    {"attn_k_norm", &TensorNames::k_norm}, {"ffn_gate", &TensorNames::gate},
    {"ffn_up", &TensorNames::up},          {"ffn_down", &TensorNames::down},
};
constexpr std::string_view kRopeFactors = "rope_freqs.weight";  // read by the config

std::string_view renamed(std::span<const Rename> table, std::string_view part,
                         const TensorNames& names) {
  for (const Rename& r : table) {
    if (part == r.gguf) return names.*r.name;
  }
  return "";
}

std::optional<std::string> hf_name(std::string_view name, const Family& family) {
  const auto last = name.rfind('.');
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view stem = name.substr(0, last), kind = name.substr(last + 1);
  const TensorNames& names = family.names;
  if (stem == kGgufHead) return fmt::format("{}.{}", names.head, kind);
  if (const std::string_view hf = renamed(kGlobal, stem, names); !hf.empty())
    return fmt::format("{}{}.{}", names.prefix, hf, kind);
  constexpr std::string_view kPrefix = "blk.";
  if (!stem.starts_with(kPrefix)) return std::nullopt;
  const std::string_view rest = stem.substr(kPrefix.size());
  const auto dot = rest.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view hf = renamed(kBlock, rest.substr(dot + 1), names);
  if (hf.empty()) return std::nullopt;
  return fmt::format("{}{}{}.{}.{}", names.prefix, names.block, rest.substr(0, dot), hf, kind);
}

/// Buffers that old checkpoints saved although they are computed from the config.
bool is_known_buffer(std::string_view name) {
  constexpr std::string_view kBuffers[] = {".rotary_emb.inv_freq", ".attn.bias",
                                           ".attn.masked_bias", ".attention.bias",
                                           ".attention.masked_bias"};
  return std::ranges::any_of(kBuffers, [&](std::string_view b) { return name.ends_with(b); });
}

/// The part of the family's prefix that this file's names have: "model.decoder.", "decoder." or
/// nothing.
std::string_view prefix_in(const std::vector<io::StoredTensor>& tensors, const TensorNames& names) {
  std::string_view prefix = names.prefix;
  for (;;) {
    const std::string embed = fmt::format("{}{}.weight", prefix, names.embed);
    const auto has_name = [&](const io::StoredTensor& t) { return t.name == embed; };
    if (std::ranges::any_of(tensors, has_name)) return prefix;
    const auto dot = prefix.find('.');
    if (dot == std::string_view::npos) return names.prefix;  // no embedding: said when it is missed
    prefix = prefix.substr(dot + 1);
  }
}

}  // namespace

TensorSource TensorSource::from_checkpoint(std::vector<io::StoredTensor> tensors,
                                           std::string origin, const Family& family) {
  TensorSource source;
  source.origin_ = std::move(origin);
  const TensorNames& names = family.names;
  const std::string_view prefix = prefix_in(tensors, names);
  const std::string head = fmt::format("{}.", names.head);
  for (io::StoredTensor& t : tensors) {
    std::string name = t.name;
    if (name.starts_with(prefix) && !name.starts_with(head))
      name = fmt::format("{}{}", names.prefix, name.substr(prefix.size()));
    if (is_known_buffer(name)) source.read_.insert(name);
    if (!source.tensors_.emplace(name, std::move(t)).second)
      throw FormatError(source.origin_, fmt::format("two tensors mean '{}'", name));
  }
  return source;
}

TensorSource TensorSource::from_gguf(const io::GgufFile& file, const Family& family) {
  TensorSource source;
  source.origin_ = file.path().string();
  for (const io::StoredTensor& t : file.tensors()) {
    if (t.name == kRopeFactors) continue;
    auto name = hf_name(t.name, family);
    if (!name) {
      throw UnsupportedError(source.origin_, fmt::format("tensor '{}' is not part of family {}",
                                                         t.name, family.model_type));
    }
    if (!source.tensors_.emplace(*name, t).second) {
      throw FormatError(source.origin_, fmt::format("two tensors mean '{}'", *name));
    }
  }
  return source;
}

const io::StoredTensor* TensorSource::find(const std::string& name) const noexcept {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

const io::StoredTensor& TensorSource::take(const std::string& name,
                                           std::span<const std::size_t> shape) {
  const io::StoredTensor* tensor = find(name);
  if (tensor == nullptr) throw FormatError(origin_, fmt::format("tensor '{}' is missing", name));
  if (!std::ranges::equal(tensor->shape, shape)) {
    throw FormatError(tensor->file->path().string(),
                      fmt::format("tensor '{}' has shape {}, the config implies {}", tensor->name,
                                  shape_string(tensor->shape), shape_string(shape)));
  }
  read_.insert(name);
  return *tensor;
}

void TensorSource::check_all_read() const {
  std::string unread;
  std::size_t count = 0;
  for (const auto& [name, tensor] : tensors_) {
    if (read_.contains(name)) continue;
    if (++count <= 3) unread += (unread.empty() ? "'" : ", '") + tensor.name + "'";
  }
  if (count > 3) unread += fmt::format(" and {} more", count - 3);
  if (count > 0)
    throw UnsupportedError(origin_,
                           fmt::format("tensors that no part of this model reads: {}", unread));
}

}  // namespace cutaway
