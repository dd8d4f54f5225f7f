#include "base/float16.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace cutaway {
namespace {

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const f16 half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_f16(wide))));
    } else {
      EXPECT_EQ(to_f16(wide).bits, bits) << wide;
    }
  }
}

TEST(Float16, EveryBrainFloatSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = to_float(bf16{static_cast<std::uint16_t>(bits)});
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_bf16(wide))));
    } else {
      EXPECT_EQ(to_bf16(wide).bits, bits) << wide;
    }
  }
}

TEST(Float16, KnownValues) {
  EXPECT_EQ(to_float(f16{0x3C00}), 1.0F);
  EXPECT_EQ(to_float(f16{0xC000}), -2.0F);
  EXPECT_EQ(to_float(f16{0x0001}), 0x1p-24F);
  EXPECT_EQ(to_float(f16{0x7C00}), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(to_float(f16{0x8000})));
  EXPECT_EQ(to_f16(65504.0F).bits, 0x7BFF);
  EXPECT_EQ(to_f16(65520.0F).bits, 0x7C00);  // halfway to the next step rounds to infinity
  EXPECT_EQ(to_f16(0x1p-25F).bits, 0);       // a tie, to even
  EXPECT_EQ(to_f16(0x1.8p-24F).bits, 2);     // a tie, to even
}

TEST(Float16, TiesRoundToEven) {
  EXPECT_EQ(to_bf16(1.0F + 0x1p-8F).bits, 0x3F80);
  EXPECT_EQ(to_bf16(1.0F + 0x1.8p-7F).bits, 0x3F82);
  EXPECT_EQ(to_f16(1.0F + 0x1p-11F).bits, 0x3C00);
}

}  // namespace
}  // namespace cutaway
