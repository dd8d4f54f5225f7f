#include <cutaway/tokenizer.h>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway {
namespace {

namespace tk = tokenizer;

void check_text(std::string_view text) {
  if (text.size() > tk::kLongestText) {
    throw ArgumentError("text", fmt::format("is {} bytes long, expected at most {}", text.size(),
                                            tk::kLongestText));
  }
  if (const auto bad = tk::first_invalid_utf8(text)) {
    throw FormatError("text", fmt::format("is not UTF-8: byte {} is 0x{:02X}", *bad,
                                          static_cast<unsigned char>(text[*bad])));
  }
}

/// code point index of every byte of the text, and of its end
std::vector<std::uint32_t> code_point_index(std::string_view text) {
  std::vector<std::uint32_t> index(text.size() + 1);
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!tk::is_continuation(text[i])) ++count;
    index[i] = count - 1;
  }
  index[text.size()] = count;
  return index;
}

}  // namespace

std::vector<tk::Item> Tokenizer::Impl::encode(std::string_view text, bool add_special_tokens,
                                              bool with_offsets, tk::Pieces& pieces) const {
  check_text(text);
  pieces = tk::Pieces::of(text, with_offsets || tk::needs_origins(pre_tokenizers));
  added.extract(pieces, false);
  tk::normalize(normalizers, pieces);
  added.extract(pieces, true);
  tk::pre_tokenize(pre_tokenizers, pieces);

  std::vector<std::uint32_t> index;
  if (with_offsets) index = code_point_index(text);
  std::vector<tk::Item> items;
  items.reserve(pieces.pieces.size() + pieces.pieces.size() / 4);
  const auto add = [&](TokenId id, std::string_view piece, std::uint32_t begin, std::uint32_t end) {
    tk::Item item{id, piece};
    if (with_offsets && end > begin) {
      item.chars = {index[pieces.origins[begin].begin], index[pieces.origins[end - 1].end]};
    }
    items.push_back(item);
  };
  tk::TokenModel::Scratch scratch(pieces.pieces.size() + pieces.text.size() / 8);
  std::vector<tk::Token> tokens;
  const auto as_text = model.shown_as_text();
  for (const tk::Piece& piece : pieces.pieces) {
    if (piece.token != tk::kNoToken) {
      add(piece.token, pieces.view(piece), piece.begin, piece.end);
      continue;
    }
    tokens.clear();
    const std::string_view word = pieces.view(piece);
    model.tokenize(word, scratch, tokens);
    for (const tk::Token& token : tokens) {
      const std::string_view shown = as_text && token.id == *as_text
                                         ? word.substr(token.begin, token.end - token.begin)
                                         : std::string_view(model.vocabulary().piece(token.id));
      add(token.id, shown, piece.begin + token.begin, piece.begin + token.end);
    }
  }
  return tk::post_process(post_processors, std::move(items), add_special_tokens);
}

const std::string* Tokenizer::Impl::piece(TokenId id) const noexcept {
  if (const tk::AddedToken* token = added.find(id)) return &token->content;
  return model.vocabulary().has(id) ? &model.vocabulary().piece(id) : nullptr;
}

std::optional<TokenId> Tokenizer::Impl::id(std::string_view piece) const {
  if (const tk::AddedToken* token = added.find(piece)) return token->id;
  return model.vocabulary().find(piece);
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  return Tokenizer(tk::load_file(path));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  tk::Pieces pieces;
  std::vector<TokenId> ids;
  const auto items = impl_->encode(text, add_special_tokens, false, pieces);
  ids.reserve(items.size());
  for (const tk::Item& item : items) ids.push_back(item.id);
  return ids;
}

Encoding Tokenizer::encode_with_offsets(std::string_view text, bool add_special_tokens) const {
  tk::Pieces pieces;
  const auto items = impl_->encode(text, add_special_tokens, true, pieces);
  // Offsets are trimmed in code points; bytes follow from them, so that they never cut a character.
  std::vector<std::size_t> starts;
  for (std::size_t pos = 0; pos < text.size(); pos += tk::utf8_length(text[pos])) {
    starts.push_back(pos);
  }
  starts.push_back(text.size());
  Encoding out;
  out.ids.reserve(items.size());
  out.pieces.reserve(items.size());
  out.bytes.reserve(items.size());
  out.chars.reserve(items.size());
  out.special.reserve(items.size());
  for (const tk::Item& item : items) {
    out.ids.push_back(item.id);
    out.pieces.emplace_back(item.piece);
    out.bytes.push_back({starts[item.chars.begin], starts[item.chars.end]});
    out.chars.push_back({item.chars.begin, item.chars.end});
    out.special.push_back(item.special);
  }
  return out;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    const tk::AddedToken* added = impl_->added.find(id);
    if (added == nullptr) {
      tokens.push_back(piece(id));
      continue;
    }
    // A token is decoded as it looks in the normalised text, and skipped if that is a special
    // token's content: as tokenizers does.
    const std::string& text = added->normalized ? added->normalized_content : added->content;
    if (skip_special_tokens) {
      const tk::AddedToken* special = impl_->added.find(std::string_view(text));
      if (special != nullptr && special->special) continue;
    }
    tokens.push_back(text);
  }
  return tk::decode_tokens(impl_->decoders, impl_->has_decoder, std::move(tokens));
}

const std::string& Tokenizer::piece(TokenId id) const {
  const std::string* piece = impl_->piece(id);
  if (piece == nullptr) {
    throw ArgumentError(
        "token id", fmt::format("{} is not in the vocabulary of {} tokens", id, impl_->vocab_size));
  }
  return *piece;
}

std::optional<TokenId> Tokenizer::id(std::string_view piece) const { return impl_->id(piece); }

TokenId Tokenizer::single_token(std::string_view text) const {
  tk::Pieces pieces;
  const auto items = impl_->encode(text, false, false, pieces);
  if (items.size() == 1) return items.front().id;
  constexpr std::size_t kShown = 12;
  std::string list;
  for (std::size_t i = 0; i < items.size() && i < kShown; ++i) {
    list += fmt::format("{}'{}'", i == 0 ? "" : ", ", items[i].piece);
  }
  if (items.size() > kShown) list += ", ...";
  throw ArgumentError(fmt::format("'{}'", text.size() <= 64 ? text : "text"),
                      fmt::format("is {} tokens{}{}, expected exactly one", items.size(),
                                  items.empty() ? "" : ": ", list));
}

std::size_t Tokenizer::vocab_size() const noexcept { return impl_->vocab_size; }

bool Tokenizer::is_special(TokenId id) const noexcept {
  const tk::AddedToken* added = impl_->added.find(id);
  return added != nullptr && added->special;
}

std::optional<TokenId> Tokenizer::bos() const noexcept { return impl_->bos; }
std::optional<TokenId> Tokenizer::eos() const noexcept { return impl_->eos; }

}  // namespace cutaway
