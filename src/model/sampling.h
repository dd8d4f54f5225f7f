// Choosing the next token.
#pragma once

#include <cstdint>
#include <span>

#include <cutaway/model.h>

namespace cutaway {

/// Uniform numbers in [0, 1): SplitMix64 (Steele, Lea, Flood 2014), 53 bits. One stream a row of a
/// batch.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream);
  double next();

 private:
  std::uint64_t state_;
};

/// throws ArgumentError: temperature negative or not finite, top_p outside (0, 1].
void check_sampling(const GenerateOptions& options);

/// Greedy at temperature 0 (the first of equal maxima). Otherwise softmax(logits / temperature) in
/// f64 over the `top_k` largest, of those the fewest whose probabilities reach `top_p`, and one
/// uniform draw. throws Error if there is no finite logit to choose, or a NaN.
TokenId choose_token(std::span<const float> logits, const GenerateOptions& options,
                     RandomStream& random);

}  // namespace cutaway
