// Tiny checkpoints with every hook point as Hugging Face transformers computes it
// (tests/fixtures/models).
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <cutaway/model.h>
#include <cutaway/tensor.h>

#include "io/checkpoint_folder.h"
#include "io/json.h"
#include "io/safetensors.h"

namespace cutaway::testing {

// Two correct f32 engines differ by a few 1e-6 of the largest value after some layers
// (docs/numerics.md).
inline constexpr double kTolerance = 1e-5;

/// The largest difference as a share of the largest golden value; infinities must agree exactly.
inline double relative_error(const Tensor& ours, const Tensor& golden) {
  double largest = 0.0, difference = 0.0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const float a = ours.data()[i], b = golden.data()[i];
    if (std::isinf(b) || std::isinf(a)) {
      if (a != b) return HUGE_VAL;
      continue;
    }
    if (std::isnan(a) || std::isnan(b)) return HUGE_VAL;
    largest = std::max(largest, std::abs(static_cast<double>(b)));
    difference = std::max(difference, std::abs(static_cast<double>(a) - static_cast<double>(b)));
  }
  return largest == 0.0 ? difference : difference / largest;
}

inline std::filesystem::path models_folder() {
  return std::filesystem::path(CUTAWAY_FIXTURES) / "models";
}

struct Golden {
  std::filesystem::path folder;
  std::string family;
  std::vector<TokenId> tokens;
  std::vector<TokenId> greedy;
  std::map<std::string, Tensor> values;

  std::filesystem::path model() const {
    const auto gguf = folder / "model.gguf";
    return std::filesystem::exists(gguf) ? gguf : folder;
  }
};

inline std::vector<TokenId> ints(const io::Json& array) {
  std::vector<TokenId> out;
  for (const io::Json& v : array.items()) out.push_back(static_cast<TokenId>(v.as_int()));
  return out;
}

inline std::map<std::string, Tensor> read_f32(const std::filesystem::path& path) {
  std::map<std::string, Tensor> out;
  for (const io::StoredTensor& t : io::read_safetensors(path).tensors) {
    if (t.dtype != DType::kF32) continue;
    Tensor value = Tensor::uninitialized(t.shape);
    io::to_f32(t, value.values());
    out.emplace(t.name, std::move(value));
  }
  return out;
}

inline Golden load_golden(const std::string& name) {
  Golden g;
  g.folder = models_folder() / name;
  const io::Json meta = io::Json::load(g.folder / "meta.json");
  g.family = meta.at("family").as_string();
  g.tokens = ints(meta.at("tokens"));
  g.greedy = ints(meta.at("greedy"));
  g.values = read_f32(g.folder / "golden.safetensors");
  return g;
}

/// The weights of a checkpoint folder.
inline std::vector<io::StoredTensor> stored_tensors(const std::filesystem::path& folder) {
  return io::read_checkpoint_folder(folder, true);
}

inline std::vector<std::string> golden_names() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(models_folder())) {
    if (std::filesystem::exists(entry.path() / "meta.json"))
      out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace cutaway::testing
