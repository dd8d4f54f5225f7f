// Help with names: the nearest ones for an error, and glob matching.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cutaway {

/// The candidates nearest to `name` by edit distance (Damerau-Levenshtein, case-insensitive, a
/// shared prefix or a substring counts for something), best first, at most `most`; far ones are
/// left out, so the list may be empty.
std::vector<std::string> nearest_names(std::string_view name,
                                       std::span<const std::string> candidates,
                                       std::size_t most = 3);

/// "; did you mean 'a', 'b' or 'c'?" or "" if the list is empty.
std::string did_you_mean(std::span<const std::string> suggestions);

/// Shell-like: `*` any run of characters, `?` one, `[0-9]` a class. Case-sensitive, the whole name
/// must match.
bool glob_match(std::string_view pattern, std::string_view name) noexcept;
bool is_glob(std::string_view pattern) noexcept;

}  // namespace cutaway
