#include "tokenizer/token_model.h"

namespace cutaway::tokenizer {
namespace {

struct Tokenize {
  std::string_view word;
  TokenModel::Scratch& scratch;
  std::vector<Token>& out;

  void operator()(const Bpe& model) const { model.tokenize(word, scratch.bpe, out); }
  void operator()(const Unigram& model) const { model.tokenize(word, scratch.unigram, out); }
  void operator()(const WordPiece& model) const { model.tokenize(word, out); }
  void operator()(const WordLevel& model) const { model.tokenize(word, out); }
};

}  // namespace

void TokenModel::tokenize(std::string_view word, Scratch& scratch, std::vector<Token>& out) const {
  const auto* bpe = std::get_if<Bpe>(&model_);
  if (bpe == nullptr || !bpe->has_parts() || word.size() <= WordCache::kLongest) {
    return tokenize_whole(word, scratch, out);
  }
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t end = bpe->part_end(word, begin);
    const std::size_t before = out.size();
    tokenize_whole(word.substr(begin, end - begin), scratch, out);
    for (std::size_t i = before; i < out.size(); ++i) {
      out[i].begin += static_cast<std::uint32_t>(begin);
      out[i].end += static_cast<std::uint32_t>(begin);
    }
    begin = end;
  }
}

void TokenModel::tokenize_whole(std::string_view word, Scratch& scratch,
                                std::vector<Token>& out) const {
  const bool cacheable = word.size() <= WordCache::kLongest;
  const std::uint64_t hash = cacheable ? WordCache::hash_of(word) : 0;
  if (cacheable && scratch.cache.find(word, hash, out)) return;
  const std::size_t before = out.size();
  std::visit(Tokenize{word, scratch, out}, model_);
  if (cacheable) scratch.cache.add(word, hash, out.data() + before, out.size() - before);
}

const Vocabulary& TokenModel::vocabulary() const noexcept {
  return std::visit([](const auto& model) -> const Vocabulary& { return model.vocabulary(); },
                    model_);
}

std::optional<TokenId> TokenModel::shown_as_text() const noexcept {
  const auto* unigram = std::get_if<Unigram>(&model_);
  return unigram != nullptr ? unigram->unk() : std::nullopt;
}

}  // namespace cutaway::tokenizer
