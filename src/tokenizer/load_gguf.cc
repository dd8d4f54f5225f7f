// The vocabulary inside a GGUF file, completed with what the model's own tokenizer.json says.
#include <array>
#include <cmath>
#include <utility>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/derived_merges.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // "▁"

// tokenizer.ggml.token_type
constexpr std::int64_t kUnknown = 2;
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;
constexpr std::int64_t kByte = 6;

/// A GGUF file names its pre-tokenizer instead of carrying it. The patterns themselves are tested
/// against Hugging Face's; which name means which follows the converters' table, and transformers
/// for files without a name.
struct PreTokenizerName {
  std::string_view name;
  KnownPattern pattern;
  bool individual_digits = false;
  bool is_llama3 = false;  ///< whole words first, and a BOS unless the file says no
  bool nfc = false;
};
constexpr std::array<PreTokenizerName, 11> kPreTokenizers = {{
    {"", KnownPattern::kGpt2},
    {"default", KnownPattern::kGpt2},
    {"gpt-2", KnownPattern::kGpt2},
    {"smollm", KnownPattern::kGpt2, true},
    {"llama-bpe", KnownPattern::kCl100k, false, true},
    {"llama3", KnownPattern::kCl100k, false, true},
    {"llama-v3", KnownPattern::kCl100k, false, true},
    {"qwen2", KnownPattern::kQwen2, false, false, true},
    {"deepseek-r1-qwen", KnownPattern::kQwen2, false, false, true},
    {"gpt-4o", KnownPattern::kO200k},
    {"llama4", KnownPattern::kO200k},
}};

class GgufTokenizer {
 public:
  explicit GgufTokenizer(const io::GgufFile& file) : file_(file), origin_(file.path().string()) {}

  std::shared_ptr<const Tokenizer::Impl> load() const {
    const std::string* model = file_.find_string("tokenizer.ggml.model");
    if (model == nullptr) {
      throw FormatError(origin_, "has no tokenizer: key 'tokenizer.ggml.model' is missing");
    }
    std::shared_ptr<Tokenizer::Impl> impl;
    if (*model == "gpt2") {
      impl = byte_level();
    } else if (*model == "llama") {
      impl = sentencepiece();
    } else {
      throw UnsupportedError(origin_, fmt::format("tokenizer.ggml.model '{}' is not supported, "
                                                  "expected gpt2 or llama",
                                                  *model));
    }
    add_tokens(*impl, added_tokens(impl->model.vocabulary()), "tokenizer.ggml.token_type");
    impl->bos = token_id("tokenizer.ggml.bos_token_id", impl->model.vocabulary());
    impl->eos = token_id("tokenizer.ggml.eos_token_id", impl->model.vocabulary());
    add_template(*impl, *model == "llama" || pre_tokenizer_is_llama3());
    return impl;
  }

 private:
  [[noreturn]] void fail(std::string_view key, std::string_view detail) const {
    throw FormatError(origin_, fmt::format("key '{}' {}", key, detail));
  }

  const std::vector<std::string>& tokens() const {
    const auto* tokens = file_.find_strings("tokenizer.ggml.tokens");
    if (tokens == nullptr) fail("tokenizer.ggml.tokens", "is missing");
    if (tokens->empty()) fail("tokenizer.ggml.tokens", "is empty");
    return *tokens;
  }

  void check_length(std::string_view key, std::size_t found) const {
    if (found == tokens().size()) return;
    fail(key, fmt::format("has {} entries for {} tokens", found, tokens().size()));
  }

  /// Gemma's runs of spaces are stored as spaces; its merges know them as "▁▁".
  static std::string spelling(const std::string& token) {
    if (token.find_first_not_of(' ') != std::string::npos) return token;
    std::string marks;
    for (std::size_t i = 0; i < token.size(); ++i) marks += kSpaceMark;
    return marks;
  }

  Vocabulary vocabulary() const {
    Vocabulary out;
    out.reserve(tokens().size());
    TokenId id = 0;
    for (const std::string& token : tokens()) {
      if (first_invalid_utf8(token)) {
        fail("tokenizer.ggml.tokens", fmt::format("is not UTF-8 at token {}", id));
      }
      if (out.add(spelling(token), id) != Vocabulary::Added::kYes) {
        fail("tokenizer.ggml.tokens",
             fmt::format("has '{}' twice, as {} and {}", token, *out.find(spelling(token)), id));
      }
      ++id;
    }
    return out;
  }

  const PreTokenizerName& pre_tokenizer() const {
    const std::string* key = file_.find_string("tokenizer.ggml.pre");
    const std::string_view name = key == nullptr ? std::string_view() : *key;
    for (const PreTokenizerName& known : kPreTokenizers) {
      if (known.name == name) return known;
    }
    throw UnsupportedError(origin_, fmt::format("tokenizer.ggml.pre '{}' is not supported", name));
  }
  bool pre_tokenizer_is_llama3() const {
    const std::string* model = file_.find_string("tokenizer.ggml.model");
    return *model == "gpt2" && pre_tokenizer().is_llama3;
  }

  MergeTable merges(const Vocabulary& vocabulary) const {
    constexpr std::string_view kKey = "tokenizer.ggml.merges";
    const auto* lines = file_.find_strings(kKey);
    if (lines == nullptr) fail(kKey, "is missing");
    MergeTable out;
    out.reserve(lines->size());
    std::uint32_t rank = 0;
    for (const std::string& line : *lines) {
      const std::size_t space = line.empty() ? std::string::npos : line.find(' ', 1);
      if (space == std::string::npos || space + 1 == line.size()) {
        fail(kKey, fmt::format("entry {} is '{}', expected two pieces and a space between them",
                               rank, line));
      }
      const auto id = [&](const std::string& piece) {
        const auto found = vocabulary.find(piece);
        if (!found) {
          fail(kKey, fmt::format("entry {} needs '{}', which is not a token", rank, piece));
        }
        return *found;
      };
      const std::string left = line.substr(0, space);
      const std::string right = line.substr(space + 1);
      const TokenId whole = id(left + right);
      out.set(id(left), id(right), {rank, whole});
      ++rank;
    }
    return out;
  }

  std::shared_ptr<Tokenizer::Impl> byte_level() const {
    const PreTokenizerName& pre = pre_tokenizer();
    Vocabulary pieces = vocabulary();
    MergeTable table = merges(pieces);
    BpeOptions options;
    options.ignore_merges = pre.is_llama3;
    auto impl = std::make_shared<Tokenizer::Impl>(
        origin_, Bpe(std::move(pieces), std::move(table), std::move(options)));
    if (pre.nfc) impl->normalizers.emplace_back(NormalForm::kNfc);
    if (pre.individual_digits) impl->pre_tokenizers.emplace_back(DigitsSplit{true});
    impl->pre_tokenizers.emplace_back(PatternSplit{pre.pattern});
    impl->pre_tokenizers.emplace_back(ByteLevelSplit{false, false});
    impl->has_decoder = true;
    impl->decoders.emplace_back(ByteLevelDecoder{});
    return impl;
  }

  const std::vector<std::int64_t>* token_types() const {
    constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
    const auto* types = file_.find_ints(kTypes);
    if (types != nullptr) check_length(kTypes, types->size());
    return types;
  }

  /// One a token. The scores that files give user-defined tokens mean nothing: SentencePiece merges
  /// those first.
  std::vector<double> scores() const {
    constexpr std::string_view kScores = "tokenizer.ggml.scores";
    const auto* stored = file_.find_doubles(kScores);
    if (stored == nullptr) fail(kScores, "is missing");
    check_length(kScores, stored->size());
    std::vector<double> out = *stored;
    const auto* types = token_types();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!std::isfinite(out[i])) fail(kScores, fmt::format("holds {}, expected numbers", out[i]));
      if (types == nullptr) continue;
      const std::int64_t type = (*types)[i];
      if (type == kUserDefined) out[i] = kMergesFirst;
      if (type == kUnknown || type == kControl || type == kByte) out[i] = kNeverMerges;
    }
    return out;
  }

  std::shared_ptr<Tokenizer::Impl> sentencepiece() const {
    Vocabulary pieces = vocabulary();
    MergeTable table = derive_merges(pieces, scores(), origin_);
    BpeOptions options;
    options.fuse_unk = true;
    options.byte_fallback = true;
    if (const auto unk = token_id("tokenizer.ggml.unknown_token_id", pieces)) {
      options.unk_token = pieces.piece(*unk);
    }
    auto impl = std::make_shared<Tokenizer::Impl>(
        origin_, Bpe(std::move(pieces), std::move(table), std::move(options)));
    const bool add_prefix = file_.find_bool("tokenizer.ggml.add_space_prefix").value_or(true);
    if (add_prefix) impl->normalizers.emplace_back(Prepend{std::string(kSpaceMark)});
    impl->normalizers.emplace_back(Replace{std::string(" "), std::string(kSpaceMark)});
    impl->has_decoder = true;
    impl->decoders.emplace_back(Replace{std::string(kSpaceMark), " "});
    impl->decoders.emplace_back(ByteFallbackDecoder{});
    impl->decoders.emplace_back(FuseDecoder{});
    if (add_prefix) impl->decoders.emplace_back(StripDecoder{U' ', 1, 0});
    return impl;
  }

  std::vector<AddedToken> added_tokens(const Vocabulary& vocabulary) const {
    std::vector<AddedToken> out;
    const auto* types = token_types();
    if (types == nullptr) return out;
    for (std::size_t i = 0; i < types->size(); ++i) {
      const std::int64_t type = (*types)[i];
      if (type != kControl && type != kUserDefined) continue;
      AddedToken token;
      token.id = static_cast<TokenId>(i);
      token.content = vocabulary.piece(token.id);
      token.special = type == kControl;
      if (!token.content.empty()) out.push_back(std::move(token));
    }
    return out;
  }

  std::optional<TokenId> token_id(std::string_view key, const Vocabulary& vocabulary) const {
    const auto id = file_.find_int(key);
    if (!id) return std::nullopt;
    if (*id < 0 || static_cast<std::uint64_t>(*id) >= vocabulary.id_end()) {
      fail(key, fmt::format("is {}, expected one of {} tokens", *id, vocabulary.id_end()));
    }
    return static_cast<TokenId>(*id);
  }

  void add_template(Tokenizer::Impl& impl, bool bos_by_default) const {
    Template out;
    const auto add = [&](std::string_view flag, bool by_default, std::optional<TokenId> id,
                         std::string_view id_key) {
      const auto wanted = file_.find_bool(flag);
      if (!wanted.value_or(by_default)) return;
      if (!id) {
        if (!wanted) return;
        fail(flag, fmt::format("is true, but '{}' is missing", id_key));
      }
      out.parts.push_back({false, {*id}, {*impl.piece(*id)}});
    };
    add("tokenizer.ggml.add_bos_token", bos_by_default, impl.bos, "tokenizer.ggml.bos_token_id");
    out.parts.push_back({true, {}, {}});
    add("tokenizer.ggml.add_eos_token", false, impl.eos, "tokenizer.ggml.eos_token_id");
    if (out.parts.size() > 1) impl.post_processors.emplace_back(std::move(out));
  }

  const io::GgufFile& file_;
  std::string origin_;
};

}  // namespace

std::shared_ptr<const Tokenizer::Impl> load_gguf(const io::GgufFile& file) {
  return GgufTokenizer(file).load();
}

}  // namespace cutaway::tokenizer
