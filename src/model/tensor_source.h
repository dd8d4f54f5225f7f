// The tensors of a checkpoint under Hugging Face's names, whatever file they came from; remembers
// which were read.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.h"
#include "io/stored_tensor.h"
#include "model/families.h"

namespace cutaway {

class TensorSource {
 public:
  /// `origin`: the file or folder for messages about what is missing. A file of the body alone
  /// lacks the prefix of the family's names ("h.0..." for "transformer.h.0..."): here it has it.
  static TensorSource from_checkpoint(std::vector<io::StoredTensor> tensors, std::string origin,
                                      const Family& family);
  /// throws UnsupportedError for a tensor name that the family does not have.
  static TensorSource from_gguf(const io::GgufFile& file, const Family& family);

  /// throws FormatError naming the tensor: missing, or of another shape.
  const io::StoredTensor& take(const std::string& name, std::span<const std::size_t> shape);
  const io::StoredTensor* find(const std::string& name) const noexcept;
  void mark_read(const std::string& name) { read_.insert(name); }
  /// throws UnsupportedError naming the tensors that nobody read.
  void check_all_read() const;

  const std::string& origin() const noexcept { return origin_; }
  const std::map<std::string, io::StoredTensor>& tensors() const noexcept { return tensors_; }

 private:
  std::string origin_;
  std::map<std::string, io::StoredTensor>
      tensors_;  // by Hugging Face's name; StoredTensor::name is the file's
  std::set<std::string> read_;
};

}  // namespace cutaway
