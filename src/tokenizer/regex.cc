#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <memory>

#include <cutaway/error.h>
#include <fmt/format.h>

#include "tokenizer/regex_rewrite.h"
#include "tokenizer/unicode.h"

namespace cutaway::tokenizer {
namespace {

constexpr std::uint32_t kMostSteps = 1'000'000;
constexpr std::uint32_t kHeapKib = 64 * 1024;
constexpr std::size_t kJitStack = std::size_t{32} << 20;  // reserved, touched as needed

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(error, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Deleter<pcre2_compile_context_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Deleter<pcre2_jit_stack_free>>;

template <typename T>
T not_null(T pointer) {
  if (!pointer) throw std::bad_alloc();
  return pointer;
}

}  // namespace

struct Regex::Code {
  explicit Code(pcre2_code* compiled) : code(compiled) {}
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(code); }
  pcre2_code* code;
};

Regex Regex::compile(std::string_view pattern, const std::string& origin,
                     const std::string& where) {
  const std::string rewritten = rewrite_regex(pattern, origin, where);
  const CompileContext context = not_null(CompileContext(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(),
                                   PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                   &offset, context.get());
  if (code == nullptr) {
    throw UnsupportedError(origin, fmt::format("field '{}': the regular expression '{}' is not "
                                               "supported: {}",
                                               where, pattern.substr(0, 200), message_of(error)));
  }
  Regex out;
  out.code_ = std::make_shared<const Code>(code);
  out.origin_ = origin;
  out.pattern_ = pattern.substr(0, 200);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it the interpreter matches, more slowly
  return out;
}

void Regex::match(std::string_view text, std::vector<Match>& out) const {
  if (text.empty()) return;
  const MatchData data =
      not_null(MatchData(pcre2_match_data_create_from_pattern(code_->code, nullptr)));
  const MatchContext context = not_null(MatchContext(pcre2_match_context_create(nullptr)));
  pcre2_set_match_limit(context.get(), kMostSteps);
  pcre2_set_heap_limit(context.get(), kHeapKib);
  JitStack stack;
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    out.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), is_match});
  };
  std::size_t covered = 0;  // everything before it is in `out`
  std::size_t from = 0;
  bool has_last = false;
  std::uint32_t options = 0;
  while (from <= text.size()) {
    int result = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                             from, options, data.get(), context.get());
    if (result == PCRE2_ERROR_JIT_STACKLIMIT && !stack) {
      stack = not_null(JitStack(pcre2_jit_stack_create(32 * 1024, kJitStack, nullptr)));
      pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
      continue;
    }
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw UnsupportedError(origin_,
                             fmt::format("the regular expression '{}' fails at byte {} of a text "
                                         "of {}: {}",
                                         pattern_, from, text.size(), message_of(result)));
    }
    options = PCRE2_NO_UTF_CHECK;  // the first call has checked all of it
    const PCRE2_SIZE* pair = pcre2_get_ovector_pointer(data.get());
    const std::size_t begin = pair[0];
    const std::size_t end = pair[1];
    if (begin > end) {
      throw UnsupportedError(origin_, fmt::format("the regular expression '{}' ends a match before "
                                                  "its beginning",
                                                  pattern_));
    }
    if (begin == end && has_last && end == from) {
      // An empty match where the last one ended is none; look again one code point on.
      if (from == text.size()) break;
      from += utf8_length(text[from]);
      has_last = false;
      continue;
    }
    if (begin > covered) add(covered, begin, false);
    add(begin, end, true);
    covered = end;
    from = end;
    has_last = true;
  }
  if (covered < text.size()) add(covered, text.size(), false);
}

}  // namespace cutaway::tokenizer
