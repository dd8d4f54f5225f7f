// The --edit grammar: HOOK[@POS][#HEAD] OP [VALUE].
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cutaway/hooks.h>

#include "position_spec.h"

namespace cutaway::cli {

/// One edit as typed. Files are not read and positions not looked up yet.
struct EditSpec {
  std::string text;
  std::string hook;  ///< a name or a glob
  EditKind kind = EditKind::kZero;
  PositionSpec pos = Positions::all();
  PositionSpec key = Positions::all();  ///< knockout
  std::optional<int> head = {};
  float factor = 1.0F;  ///< of `add` and `scale`
  std::string file;     ///< of `add`, `replace` and `mean`: "v.npy", "x.npz:NAME"
};

///   HOOK add FILE[*FACTOR]      HOOK replace FILE[:NAME]   HOOK mean FILE[:NAME]
///   HOOK zero                   HOOK scale FACTOR          HOOK@QUERY,KEY knockout
/// QUERY and KEY are N, A:B, all or subject:"words". throws ArgumentError giving the column
/// (counted from 1), what stands there and what was expected; UnknownNameError for a misspelt hook.
EditSpec parse_edit(std::string_view text);

/// Read the files and look the positions up in the prompts.
HookSpec make_edits(std::span<const EditSpec> specs, std::span<const Prompt> prompts);
std::vector<EditSpec> parse_edits(std::span<const std::string> texts);

}  // namespace cutaway::cli
