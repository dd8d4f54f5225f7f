#include "tokenizer/decoders.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "tokenizer/byte_level.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

std::optional<char> fallback_byte(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  // A sign is no digit for from_chars of unsigned types, but "+4" is one for the reference.
  std::string_view digits = token.substr(3, 2);
  if (digits.front() == '+') digits.remove_prefix(1);
  unsigned value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) return std::nullopt;
  return static_cast<char>(value);
}

/// `pattern` is not empty.
std::string replaced(const std::string& text, std::string_view pattern, std::string_view content) {
  std::string out;
  std::size_t pos = 0;
  for (std::size_t found = 0; (found = text.find(pattern, pos)) != std::string::npos;) {
    out.append(text, pos, found - pos).append(content);
    pos = found + pattern.size();
  }
  return out.append(text, pos);
}

/// What transformers calls cleaning up tokenization spaces, rule by rule.
std::string cleaned(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kRules) text = replaced(text, from, to);
  return text;
}

struct Decode {
  std::vector<std::string>& tokens;

  void operator()(const ByteLevelDecoder&) const {
    std::string bytes;
    for (const std::string& token : tokens) append_spelled_bytes(bytes, token);
    tokens = {to_valid_utf8(bytes)};
  }

  void operator()(const ByteFallbackDecoder&) const {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (first_invalid_utf8(bytes)) {
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      } else {
        out.push_back(bytes);
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = fallback_byte(token)) {
        bytes.push_back(*byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

  void operator()(const FuseDecoder&) const {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
  }

  void operator()(const StripDecoder& strip) const {
    std::string content;
    append_utf8(content, strip.content);
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::size_t i = 0; i < strip.start && rest.starts_with(content); ++i) {
        rest.remove_prefix(content.size());
      }
      for (std::size_t i = 0; i < strip.stop && rest.ends_with(content); ++i) {
        rest.remove_suffix(content.size());
      }
      token = std::string(rest);
    }
  }

  void operator()(const MetaspaceDecoder& metaspace) const {
    bool first = metaspace.drop_first;
    for (std::string& token : tokens) {
      token = replaced(token, metaspace.replacement, first ? "" : " ");
      first = false;
    }
  }

  void operator()(const Replace& replace) const {
    for (std::string& token : tokens) {
      Pieces out;
      out.tracks = false;
      if (!token.empty()) append_replaced(replace, {token}, out);
      token = std::move(out.text);
    }
  }

  void operator()(const BpeDecoder& bpe) const {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replaced(tokens[i], bpe.suffix, i + 1 == tokens.size() ? "" : " ");
    }
  }

  void operator()(const WordPieceDecoder& word_piece) const {
    bool is_first = true;
    for (std::string& token : tokens) {
      if (!is_first) {
        if (token.starts_with(word_piece.prefix)) {
          token.erase(0, word_piece.prefix.size());
        } else {
          token.insert(0, " ");
        }
      }
      is_first = false;
      if (word_piece.cleanup) token = cleaned(std::move(token));
    }
  }

  void operator()(const CtcDecoder& ctc) const {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = replaced(token, ctc.pad_token, "");
      if (ctc.cleanup) token = replaced(cleaned(std::move(token)), ctc.word_delimiter, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  }
};

}  // namespace

std::string decode_tokens(const std::vector<Decoder>& decoders, bool has_decoder,
                          std::vector<std::string> tokens) {
  for (const Decoder& decoder : decoders) std::visit(Decode{tokens}, decoder);
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && !has_decoder) text += ' ';
    text += tokens[i];
  }
  return text;
}

}  // namespace cutaway::tokenizer
