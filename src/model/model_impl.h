// What a Model holds.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <cutaway/model.h>

#include "kernels/device.h"
#include "model/weights.h"

namespace cutaway {

struct Model::Impl {
  Impl(std::string name_, std::string origin_, const Runtime& runtime_)
      : name(std::move(name_)), origin(std::move(origin_)), runtime(runtime_) {}

  std::string name;    ///< as the caller said it
  std::string origin;  ///< the folder or file, for messages
  Runtime runtime;
  ModelConfig config;
  std::unique_ptr<Device> device;
  Weights weights;
  std::filesystem::path tokenizer_path;  ///< empty: none
  mutable std::once_flag tokenizer_once;
  mutable std::optional<Tokenizer> tokenizer;
  mutable std::once_flag chat_once;
  mutable std::optional<ChatTemplate> chat;
};

/// throws ArgumentError: no sequence, an empty one, an id outside the vocabulary, more tokens than
/// the context holds.
void check_tokens(const Model::Impl& model, const std::vector<std::vector<TokenId>>& batch);

}  // namespace cutaway
