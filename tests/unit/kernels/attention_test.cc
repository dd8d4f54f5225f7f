#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "reference/attention.h"
#include "reference/random.h"
#include "unit/kernels/simd_targets.h"

namespace cutaway {
namespace {

using kernels::AttentionShape;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Random queries, keys and values in a store with room behind the last key, filled with NaN.
struct Problem {
  explicit Problem(AttentionShape s, std::size_t room = 5)
      : shape(s),
        capacity(s.keys + room),
        k(s.kv_heads * s.d_head * capacity, kNan),
        v(s.kv_heads * capacity * s.d_head, kNan) {
    reference::Random random(s.queries * 131 + s.keys * 17 + s.d_head);
    q = random.normals(s.queries * s.heads * s.d_head);
    for (std::size_t h = 0; h < s.kv_heads; ++h) {
      for (std::size_t j = 0; j < s.keys; ++j) {
        for (std::size_t d = 0; d < s.d_head; ++d) {
          k[(h * s.d_head + d) * capacity + j] = static_cast<float>(random.normal());
          v[(h * capacity + j) * s.d_head + d] = static_cast<float>(random.normal());
        }
      }
    }
  }

  kernels::KeyView keys() const { return {k.data(), {shape.kv_heads, shape.d_head, capacity}}; }
  kernels::ValueView values() const { return {v.data(), {shape.kv_heads, capacity, shape.d_head}}; }
  TensorView<const float, 3> queries() const {
    return {q.data(), {shape.queries, shape.heads, shape.d_head}};
  }
  std::size_t z_size() const { return shape.queries * shape.heads * shape.d_head; }

  std::vector<float> fused(int threads = 1) const {
    ThreadPool pool(threads);
    std::vector<float> z(z_size(), kNan);
    kernels::attention(shape, queries(), keys(), values(), z_view(z), pool);
    return z;
  }

  struct Phases {
    std::vector<float> scores, pattern, z;
  };
  Phases phases(int threads = 1) const {
    ThreadPool pool(threads);
    Phases p;
    p.scores.assign(shape.heads * shape.queries * shape.keys, kNan);
    kernels::attention_scores(shape, queries(), keys(), row_view(p.scores), pool);
    p.pattern = p.scores;
    kernels::attention_cap_and_mask(shape, row_view(p.pattern), pool);
    kernels::attention_softmax(row_view(p.pattern), pool);
    p.z.assign(z_size(), kNan);
    kernels::attention_values(shape, row_view(p.pattern), values(), z_view(p.z), pool);
    return p;
  }

  // Each query by a call of its own, with the keys it may see and no others.
  std::vector<float> one_by_one() const {
    ThreadPool pool(1);
    std::vector<float> z(z_size(), kNan);
    const std::size_t size = shape.heads * shape.d_head;
    for (std::size_t i = 0; i < shape.queries; ++i) {
      AttentionShape one = shape;
      one.queries = 1;
      one.first_pos = shape.first_pos + i;
      one.keys = one.first_pos + 1;
      kernels::attention(one, {q.data() + i * size, {1, shape.heads, shape.d_head}}, keys(),
                         values(), {z.data() + i * size, {1, shape.heads, shape.d_head}}, pool);
    }
    return z;
  }

  TensorView<float, 3> z_view(std::vector<float>& z) const {
    return {z.data(), {shape.queries, shape.heads, shape.d_head}};
  }
  TensorView<float, 3> row_view(std::vector<float>& rows) const {
    return {rows.data(), {shape.heads, shape.queries, shape.keys}};
  }

  AttentionShape shape;
  std::size_t capacity;
  std::vector<float> q, k, v;
};

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

AttentionShape shape(std::size_t queries, std::size_t first_pos, std::size_t heads,
                     std::size_t kv_heads, std::size_t d_head, float softcap = 0,
                     std::size_t window = 0, std::size_t later_keys = 0) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(d_head));
  return {
      queries, first_pos + queries + later_keys, first_pos, heads, kv_heads, d_head, scale, softcap,
      window};
}

std::vector<AttentionShape> shapes() {
  return {
      shape(1, 0, 1, 1, 1),
      shape(1, 0, 2, 1, 8),
      shape(2, 3, 2, 2, 5, 0, 1),
      shape(5, 0, 4, 2, 16),
      shape(7, 60, 2, 1, 17, 2.0F),
      shape(24, 0, 3, 3, 64),
      shape(25, 40, 4, 1, 32, 0, 9),
      shape(33, 100, 2, 2, 80, 5.0F, 20),
      shape(49, 0, 2, 1, 128, 0, 0, 3),
      shape(70, 7, 6, 2, 24, 0, 64),
      shape(64, 64, 2, 2, 64, 1.5F, 0, 70),
      shape(1, 300, 4, 2, 64),
      shape(1, 300, 4, 2, 64, 30.0F, 77),
      shape(50, 90, 1, 1, 72, 0, 3),
  };
}

using Attention = EveryTarget;

TEST_P(Attention, AgreesWithTheDoublePrecisionDefinition) {
  for (const AttentionShape& s : shapes()) {
    SCOPED_TRACE(testing::Message() << s.queries << " queries at " << s.first_pos << ", d_head "
                                    << s.d_head << " window " << s.window);
    const Problem p(s);
    const Problem::Phases phases = p.phases();
    const std::vector<float> z = p.fused();
    for (std::size_t h = 0; h < s.heads; ++h) {
      const std::size_t kv = h / (s.heads / s.kv_heads);
      for (std::size_t i = 0; i < s.queries; ++i) {
        const std::size_t at = (i * s.heads + h) * s.d_head;
        const reference::AttentionRow row = reference::attention_row(
            p.q.data() + at, s.first_pos + i, s.keys, s.d_head, s.scale, s.softcap, s.window,
            [&](std::size_t j, std::size_t d) { return p.keys()(kv, d, j); },
            [&](std::size_t j, std::size_t d) { return p.values()(kv, j, d); });
        for (std::size_t j = 0; j < s.keys; ++j) {
          const std::size_t cell = (h * s.queries + i) * s.keys + j;
          // Scores up to about 5 summed over at most 128 products in f32; exp multiplies the error.
          ASSERT_NEAR(phases.scores[cell], row.scores[j], 4e-6);
          ASSERT_NEAR(phases.pattern[cell], row.pattern[j], 8e-6 * row.pattern[j]);
        }
        for (std::size_t d = 0; d < s.d_head; ++d) ASSERT_NEAR(z[at + d], row.z[d], 1e-5);
      }
    }
  }
}

TEST_P(Attention, GivesTheSameBitsWholeAndInPhases) {
  for (const AttentionShape& s : shapes()) {
    const Problem p(s);
    EXPECT_TRUE(same_bits(p.fused(), p.phases().z))
        << s.queries << " " << s.keys << " " << s.d_head;
  }
}

TEST_P(Attention, GivesTheSameBitsForQueriesOneByOne) {
  for (const AttentionShape& s : shapes()) {
    const Problem p(s);
    EXPECT_TRUE(same_bits(p.fused(), p.one_by_one())) << s.queries << " " << s.keys;
  }
}

TEST_P(Attention, GivesTheSameBitsForEveryNumberOfThreads) {
  for (const AttentionShape& s : shapes()) {
    const Problem p(s);
    const std::vector<float> z = p.fused();
    const Problem::Phases phases = p.phases();
    for (const int threads : {2, 8}) {
      EXPECT_TRUE(same_bits(p.fused(threads), z));
      EXPECT_TRUE(same_bits(p.phases(threads).pattern, phases.pattern));
      EXPECT_TRUE(same_bits(p.phases(threads).z, phases.z));
    }
  }
}

TEST_P(Attention, UsesFewerQueriesAUnitForLongContextsWithTheSameBits) {
  const Problem p(shape(27, 8190, 1, 1, 8));
  EXPECT_TRUE(same_bits(p.fused(), p.phases().z));
  EXPECT_TRUE(same_bits(p.fused(2), p.one_by_one()));
}

TEST_P(Attention, TouchesNoKeyThatNoQueryOfTheBlockSees) {
  // NaN in every key and value behind the last query, and outside every window.
  Problem p(shape(30, 50, 2, 1, 16, 0, 8, 40));
  const std::vector<float> z = p.fused();
  for (std::size_t j = 0; j < p.shape.keys; ++j) {
    if (j >= 50 - 7 && j < 80) continue;
    for (std::size_t d = 0; d < 16; ++d) {
      p.k[d * p.capacity + j] = kNan;
      p.v[j * 16 + d] = kNan;
    }
  }
  EXPECT_TRUE(same_bits(p.fused(), z));
}

TEST_P(Attention, KeepsANonFiniteValueFromQueriesThatDoNotSeeIt) {
  Problem p(shape(10, 0, 1, 1, 16));
  const std::vector<float> z = p.fused();
  p.v[6 * 16 + 3] = kNan;
  const std::vector<float> after = p.fused();
  for (std::size_t i = 0; i < 10; ++i) {
    for (std::size_t d = 0; d < 16; ++d) {
      if (i >= 6 && d == 3) {
        EXPECT_TRUE(std::isnan(after[i * 16 + d]));
      } else {
        EXPECT_EQ(after[i * 16 + d], z[i * 16 + d]) << i;
      }
    }
  }
}

TEST_P(Attention, GivesZerosForARowWithEveryKeyMasked) {
  const Problem p(shape(3, 10, 2, 1, 20));
  Problem::Phases phases = p.phases();
  std::vector<float> scores = phases.scores;
  std::fill_n(scores.begin() + p.shape.keys, p.shape.keys, -std::numeric_limits<float>::infinity());
  ThreadPool pool(1);
  kernels::attention_cap_and_mask(p.shape, p.row_view(scores), pool);
  kernels::attention_softmax(p.row_view(scores), pool);
  std::vector<float> z(p.z_size(), kNan);
  kernels::attention_values(p.shape, p.row_view(scores), p.values(), p.z_view(z), pool);
  for (std::size_t j = 0; j < p.shape.keys; ++j) EXPECT_EQ(scores[p.shape.keys + j], 0.0F);
  for (std::size_t d = 0; d < 20; ++d) EXPECT_EQ(z[1 * 2 * 20 + d], 0.0F);  // query 1 of head 0
  EXPECT_EQ(z[0], phases.z[0]);
}

TEST_P(Attention, CountsEveryKeyOfAGivenPattern) {
  const Problem p(shape(2, 0, 1, 1, 4, 0, 0, 1));
  const std::vector<float> pattern{0, 0, 1, 0.5F, 0.25F, 0.25F};
  ThreadPool pool(1);
  std::vector<float> z(p.z_size());
  kernels::attention_values(p.shape, TensorView<const float, 3>(pattern.data(), {1, 2, 3}),
                            p.values(), p.z_view(z), pool);
  for (std::size_t d = 0; d < 4; ++d) EXPECT_EQ(z[d], p.v[2 * 4 + d]);
}

TEST_P(Attention, MasksWithMinusInfinityAndCapsOnlyWhatIsSeen) {
  const Problem p(shape(4, 2, 1, 1, 8, 3.0F, 2, 2));
  std::vector<float> scores(4 * 8, 100.0F);
  ThreadPool pool(1);
  kernels::attention_cap_and_mask(p.shape, p.row_view(scores), pool);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      const bool seen = j <= 2 + i && 2 + i - j < 2;
      EXPECT_EQ(scores[i * 8 + j], seen ? 3.0F : -std::numeric_limits<float>::infinity());
    }
  }
}

CUTAWAY_ON_EVERY_TARGET(Attention);

}  // namespace
}  // namespace cutaway
