// The weights of a model: matrices as views into the mapped file, small vectors widened.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <cutaway/config.h>
#include <cutaway/tensor.h>

#include "io/stored_tensor.h"
#include "model/families.h"
#include "model/tensor_source.h"
#include "tensor/weight_view.h"

namespace cutaway {

struct LinearWeights {
  WeightView weight;        ///< [out, in]
  std::vector<float> bias;  ///< empty: none
};

/// What multiplies the normalized value (1 + stored weight in Gemma's files), and what is added.
struct NormWeights {
  std::vector<float> gain;  ///< empty: the model has no such norm
  std::vector<float> bias;  ///< empty: none
};

/// A gated or plain MLP; one of a mixture's experts.
struct MlpWeights {
  LinearWeights gate, up, down;  ///< no gate: plain
};

/// The stored tensors that a block reads: what to let go when it is done.
struct StoredPart {
  std::shared_ptr<const io::MappedFile> file;
  std::span<const std::byte> bytes;
};

struct Block {
  NormWeights ln1, ln1_post, ln2, ln2_post, q_norm, k_norm;
  LinearWeights q, k, v, o;
  /// In place of q, k and v if the file holds them head by head: rows of q, k, v of head 0, then of
  /// head 1 ...
  LinearWeights qkv_by_head;
  MlpWeights mlp;  ///< of a layer that is not a mixture
  WeightView router;
  std::vector<MlpWeights> experts;
  MlpWeights shared_expert;
  WeightView shared_gate;  ///< [1, d_model]
  std::vector<StoredPart> stored;
};

struct Weights {
  WeightView embed;       ///< [d_vocab, d_model]
  WeightView positions;   ///< [n_ctx, d_model], or empty
  LinearWeights unembed;  ///< [d_vocab, d_model]; the same as `embed` if tied
  NormWeights ln_final;
  std::shared_ptr<const io::MappedFile> unembed_file;
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
Weights load_weights(const ModelConfig& config, const Family& family, TensorSource source,
                     bool is_gguf);

/// Looks for NaN and infinities in every matrix (reads them all). throws FormatError naming the
/// first.
void check_finite_weights(const Weights& weights);

}  // namespace cutaway
