#include <cutaway/dtype.h>

#include <array>

namespace cutaway {
namespace {

constexpr std::array<DTypeInfo, 23> kTable{{
    {"f64", 1, 8},      {"f32", 1, 4},      {"f16", 1, 2},      {"bf16", 1, 2},
    {"i64", 1, 8},      {"i32", 1, 4},      {"i16", 1, 2},      {"i8", 1, 1},
    {"u64", 1, 8},      {"u32", 1, 4},      {"u16", 1, 2},      {"u8", 1, 1},
    {"bool", 1, 1},     {"q4_0", 32, 18},   {"q4_1", 32, 20},   {"q5_0", 32, 22},
    {"q5_1", 32, 24},   {"q8_0", 32, 34},   {"q2_k", 256, 84},  {"q3_k", 256, 110},
    {"q4_k", 256, 144}, {"q5_k", 256, 176}, {"q6_k", 256, 210},
}};
static_assert(kTable.size() == static_cast<std::size_t>(DType::kQ6_K) + 1);

}  // namespace

const DTypeInfo& dtype_info(DType dtype) noexcept {
  return kTable[static_cast<std::size_t>(dtype)];
}

std::size_t dtype_bytes(DType dtype, std::size_t count) noexcept {
  const DTypeInfo& info = dtype_info(dtype);
  return count / info.block_size * info.block_bytes;
}

}  // namespace cutaway
