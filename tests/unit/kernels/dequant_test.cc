#include "kernels/dequant.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/float16.h"
#include "reference/dequant.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

struct Fixture {
  std::vector<std::byte> blocks;
  std::vector<float> weights;
};

// The file of make_dequant_fixtures.py.
Fixture load(DType type) {
  const std::string name(dtype_info(type).name);
  std::ifstream file(std::string(CUTAWAY_FIXTURES) + "/kernels/" + name + ".bin", std::ios::binary);
  std::string line;
  std::getline(file, line);
  std::istringstream header(line);
  std::string found;
  std::size_t count = 0;
  header >> found >> count;
  EXPECT_EQ(found, name);
  Fixture f;
  f.blocks.resize(dtype_bytes(type, count));
  f.weights.resize(count);
  file.read(reinterpret_cast<char*>(f.blocks.data()),
            static_cast<std::streamsize>(f.blocks.size()));
  file.read(reinterpret_cast<char*>(f.weights.data()), static_cast<std::streamsize>(4 * count));
  EXPECT_TRUE(file.good() && count > 0) << name;
  return f;
}

std::vector<DType> block_types() {
  std::vector<DType> types;
  for (int t = static_cast<int>(DType::kQ4_0); t <= static_cast<int>(DType::kQ6_K); ++t) {
    types.push_back(static_cast<DType>(t));
  }
  return types;
}

using Dequant = EveryTarget;

void expect_same_bits(std::span<const float> found, std::span<const float> expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(expected[i]))
        << i << ": " << found[i] << " instead of " << expected[i];
  }
}

TEST_P(Dequant, HasTheBitsOfTheReferencePackage) {
  for (const DType type : block_types()) {
    SCOPED_TRACE(dtype_info(type).name);
    const Fixture f = load(type);
    std::vector<float> out(f.weights.size());
    kernels::dequantize(type, f.blocks.data(), out);
    expect_same_bits(out, f.weights);
  }
}

TEST_P(Dequant, HasTheBitsOfTheScalarTwinAtAnyAddress) {
  for (const DType type : block_types()) {
    SCOPED_TRACE(dtype_info(type).name);
    const std::size_t count = 5 * 256;
    std::vector<std::byte> bytes(dtype_bytes(type, count) + 1);
    reference::Random random(static_cast<std::uint64_t>(type));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.bits() & 0x7B);  // finite halves
    std::vector<float> expected(count);
    reference::dequantize(type, reinterpret_cast<const std::uint8_t*>(bytes.data()) + 1, expected);
    std::vector<float> out(count);
    kernels::dequantize(type, bytes.data() + 1, out);
    expect_same_bits(out, expected);
  }
}

TEST_P(Dequant, WidensEveryHalfAndEveryBf16Exactly) {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  std::vector<float> out(all.size());
  const auto* data = reinterpret_cast<const std::byte*>(all.data());
  kernels::dequantize(DType::kF16, data, out);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const float expected = to_float(f16{all[i]});
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(out[i]));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected)) << i;
    }
  }
  kernels::dequantize(DType::kBF16, data, out);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), static_cast<std::uint32_t>(all[i]) << 16);
  }
}

TEST_P(Dequant, ReadsOneRowOfAMatrixAndNothingBehindIt) {
  for (const std::size_t cols : {0, 1, 15, 16, 17, 33}) {
    std::vector<std::byte> bytes(3 * 2 * cols + 2 * 7);
    const WeightView w{bytes.data(), DType::kF16, 3, cols, 2 * cols + 7};
    for (std::size_t k = 0; k < cols; ++k) {
      const std::uint16_t bits = to_f16(static_cast<float>(k)).bits;
      std::memcpy(bytes.data() + 2 * w.row_bytes + 2 * k, &bits, 2);
    }
    std::vector<float> row(cols);
    kernels::dequantize_row(w, 2, row);
    for (std::size_t k = 0; k < cols; ++k) EXPECT_EQ(row[k], static_cast<float>(k));
  }
}

CUTAWAY_ON_EVERY_TARGET(Dequant);

}  // namespace
}  // namespace cutaway
