// Architectures that the family table does not know: read from config.json and the tensors' names,
// or told what is missing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/json.h"
#include "io/stored_tensor.h"
#include "model/families.h"

namespace cutaway {

/// Name → shape.
using TensorShapes = std::map<std::string, std::vector<std::size_t>, std::less<>>;
TensorShapes shapes_of(const std::vector<io::StoredTensor>& tensors);

/// The family whose tensor names are its own and are those of the checkpoint (GPT-2, GPT-NeoX,
/// GPT-J, OPT); nullptr: they are Llama's, or nobody's.
const Family* family_with_own_names(const TensorShapes& tensors);

/// Why the checkpoint cannot be run with any row made from what it says; empty if it can. Each
/// issue names what was looked for and the nearest that was found.
std::vector<std::string> compatibility_issues(const io::Json& config, const TensorShapes& tensors);

/// The row that config and tensors imply. For a checkpoint of a known family it is equivalent to
/// that family's row. throws UnsupportedError with the issues above, if there are any.
Family auto_family(const io::Json& config, const TensorShapes& tensors);

}  // namespace cutaway
