// The weights of a model: matrices as views into the mapped file, small vectors widened.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cutaway/config.h>
#include <cutaway/tensor.h>

#include "io/stored_tensor.h"
#include "model/tensor_source.h"
#include "tensor/weight_view.h"

namespace cutaway {

struct LinearWeights {
  WeightView weight;        ///< [out, in]
  std::vector<float> bias;  ///< empty: none
};

/// RMSNorm's gain: what multiplies the normalized value (1 + stored weight in Gemma's files).
using NormGain = std::vector<float>;

struct Block {
  NormGain ln1, ln1_post, ln2, ln2_post, q_norm, k_norm;  ///< empty if the model has no such norm
  LinearWeights q, k, v, o, gate, up, down;
};

struct Weights {
  WeightView embed;    ///< [d_vocab, d_model]
  WeightView unembed;  ///< [d_vocab, d_model]; the same as `embed` if tied
  NormGain ln_final;
  std::vector<Block> blocks;
  bool interleaved_qk = false;  ///< q and k rows are stored for pair-wise rotation (GGUF llama):
                                ///< undone on the outputs

  std::map<std::string, io::StoredTensor>
      tensors;  ///< all of them by Hugging Face's name; they keep the files mapped
  std::vector<Tensor> converted;  ///< f64 matrices, rounded to f32
};

/// Takes every tensor that the config implies and refuses the rest.
/// throws FormatError (missing, misshapen, NaN in a norm or bias), UnsupportedError (unread
/// tensors, integer weights).
Weights load_weights(const ModelConfig& config, TensorSource source, bool interleaved_qk);

/// Looks for NaN and infinities in every matrix (reads them all). throws FormatError naming the
/// first.
void check_finite_weights(const Weights& weights);

}  // namespace cutaway
