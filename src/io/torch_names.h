// The names that a pickle of tensors may mention, and what each stands for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <cutaway/dtype.h>

namespace cutaway::io {

enum class TorchRole : std::uint8_t {
  kRebuildTensor,     // (storage, offset, size, stride, ...)
  kRebuildWithDtype,  // (storage, offset, size, stride, requires_grad, hooks, dtype, ...)
  kRebuildParameter,  // (tensor, ...)
  kOrderedDict,
  kSize,
  kStorageType,
  kDtype,
};

struct TorchName {
  std::string_view module;
  std::string_view name;
  TorchRole role;
  std::optional<DType> dtype = std::nullopt;
};

/// nullopt: not one of them.
std::optional<TorchName> find_torch_name(std::string_view module, std::string_view name);

}  // namespace cutaway::io
