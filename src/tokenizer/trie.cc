#include "tokenizer/trie.h"

#include <algorithm>
#include <string>

namespace cutaway::tokenizer {

class Trie::Builder {
 public:
  using Entry = std::pair<std::string_view, std::int32_t>;

  Builder(std::vector<Unit>& units, std::span<const Entry> entries)
      : units_(units), entries_(entries) {}

  // Breadth first over ranges of the sorted entries that share a prefix, so that depth costs no
  // stack.
  void run() {
    units_.resize(kBlock);
    used_.resize(kBlock);
    used_[kRoot] = true;
    units_[kRoot].parent = kRoot - 1;
    std::vector<Range> level = {{0, entries_.size(), kRoot}};
    for (std::size_t depth = 0; !level.empty(); ++depth) {
      std::vector<Range> next;
      for (const Range& range : level) place(range, depth, next);
      level = std::move(next);
    }
    units_.resize(std::max(units_.size(), static_cast<std::size_t>(top_) + kBlock));
  }

 private:
  static constexpr std::size_t kBlock = 512;
  static constexpr int kMostTries = 64;
  struct Range {
    std::size_t begin;
    std::size_t end;
    std::uint32_t state;
  };

  void place(Range range, std::size_t depth, std::vector<Range>& next) {
    std::size_t at = range.begin;
    if (entries_[at].first.size() == depth) {  // the prefix itself comes first
      units_[range.state].value = entries_[at].second;
      ++at;
    }
    labels_.clear();
    starts_.clear();
    for (; at < range.end; ++at) {
      const auto label = static_cast<unsigned char>(entries_[at].first[depth]);
      if (!labels_.empty() && labels_.back() == label) continue;
      labels_.push_back(label);
      starts_.push_back(at);
    }
    if (labels_.empty()) return;
    const std::uint32_t base = find_base();
    units_[range.state].base = base;
    top_ = std::max(top_, base);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const std::uint32_t child = base + labels_[i];
      used_[child] = true;
      units_[child].parent = range.state;
      next.push_back({starts_[i], i + 1 < starts_.size() ? starts_[i + 1] : range.end, child});
    }
  }

  std::uint32_t find_base() {
    const auto grow = [&](std::size_t size) {
      if (size <= units_.size()) return;
      units_.resize(std::max(size, units_.size() + units_.size() / 2));
      used_.resize(units_.size());
    };
    while (free_ < used_.size() && used_[free_]) ++free_;
    int tries = 0;
    for (std::size_t slot = std::max<std::size_t>(free_, labels_.front());; ++slot) {
      const std::size_t base = slot - labels_.front();
      grow(base + kBlock);
      if (used_[slot]) continue;
      const bool fits = std::none_of(labels_.begin(), labels_.end(),
                                     [&](unsigned char label) { return used_[base + label]; });
      if (fits) return static_cast<std::uint32_t>(base);
      // Few slots of a crowded stretch fit anything: look further on from now on.
      if (++tries == kMostTries) free_ = std::max(free_, slot - kMostTries / 2);
      if (tries == 16 * kMostTries) slot = used_.size();
    }
  }

  std::vector<Unit>& units_;
  std::span<const Entry> entries_;
  std::vector<bool> used_;
  std::vector<unsigned char> labels_;
  std::vector<std::size_t> starts_;
  std::size_t free_ = 1;
  std::uint32_t top_ = 0;
};

Trie::Trie(std::vector<std::pair<std::string_view, std::int32_t>> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  Builder(units_, entries).run();
}

}  // namespace cutaway::tokenizer
