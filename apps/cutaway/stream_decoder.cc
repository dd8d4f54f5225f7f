#include "stream_decoder.h"

#include <span>

#include "text.h"

namespace cutaway::cli {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // what decoders give for a part

bool is_unfinished(std::string_view text) {
  return unfinished_utf8(text) > 0 ||
         (text.size() >= kReplacement.size() &&
          text.substr(text.size() - kReplacement.size()) == kReplacement);
}

}  // namespace

std::string StreamDecoder::push(TokenId id) {
  ids_.push_back(id);
  return take(false);
}

std::string StreamDecoder::finish() { return take(true); }

std::string StreamDecoder::take(bool all) {
  const std::span<const TokenId> ids = ids_;
  const std::string before = tokenizer_.decode(ids.subspan(context_, shown_ - context_), true);
  const std::string now = tokenizer_.decode(ids.subspan(context_), true);
  if (now.size() <= before.size() || (!all && is_unfinished(now))) return "";
  context_ = shown_;
  shown_ = ids_.size();
  return now.substr(before.size());
}

}  // namespace cutaway::cli
