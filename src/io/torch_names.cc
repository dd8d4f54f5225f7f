#include "io/torch_names.h"

#include <array>
#include <utility>

namespace cutaway::io {
namespace {

constexpr std::string_view kUtils = "torch._utils";
constexpr std::array<TorchName, 8> kFunctions{{
    {kUtils, "_rebuild_tensor", TorchRole::kRebuildTensor},
    {kUtils, "_rebuild_tensor_v2", TorchRole::kRebuildTensor},
    {kUtils, "_rebuild_tensor_v3", TorchRole::kRebuildWithDtype},
    {kUtils, "_rebuild_parameter", TorchRole::kRebuildParameter},
    {kUtils, "_rebuild_parameter_with_state", TorchRole::kRebuildParameter},
    {"collections", "OrderedDict", TorchRole::kOrderedDict},
    {"torch", "Size", TorchRole::kSize},
    {"torch.storage", "UntypedStorage", TorchRole::kStorageType},
}};
// In `torch`, and of tensors that were saved from a GPU by old versions in `torch.cuda`.
constexpr std::array<std::pair<std::string_view, DType>, 10> kStorages{{
    {"DoubleStorage", DType::kF64},
    {"FloatStorage", DType::kF32},
    {"HalfStorage", DType::kF16},
    {"BFloat16Storage", DType::kBF16},
    {"LongStorage", DType::kI64},
    {"IntStorage", DType::kI32},
    {"ShortStorage", DType::kI16},
    {"CharStorage", DType::kI8},
    {"ByteStorage", DType::kU8},
    {"BoolStorage", DType::kBool},
}};
constexpr std::array<std::pair<std::string_view, DType>, 13> kDtypes{{
    {"float64", DType::kF64},
    {"float32", DType::kF32},
    {"float16", DType::kF16},
    {"bfloat16", DType::kBF16},
    {"int64", DType::kI64},
    {"int32", DType::kI32},
    {"int16", DType::kI16},
    {"int8", DType::kI8},
    {"uint64", DType::kU64},
    {"uint32", DType::kU32},
    {"uint16", DType::kU16},
    {"uint8", DType::kU8},
    {"bool", DType::kBool},
}};

}  // namespace

std::optional<TorchName> find_torch_name(std::string_view module, std::string_view name) {
  for (const TorchName& global : kFunctions) {
    if (global.module == module && global.name == name) return global;
  }
  if (module == "torch" || module == "torch.cuda") {
    for (const auto& [storage, dtype] : kStorages) {
      if (name == storage) return TorchName{module, name, TorchRole::kStorageType, dtype};
    }
  }
  if (module == "torch") {
    for (const auto& [known, dtype] : kDtypes) {
      if (name == known) return TorchName{module, name, TorchRole::kDtype, dtype};
    }
  }
  return std::nullopt;
}

}  // namespace cutaway::io
