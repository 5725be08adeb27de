#include "tokenizer/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <utility>

#include "core/fail.h"
#include "tokenizer/newer_unicode.h"

namespace tramontane {
namespace {

// The tokenizers' own expressions need a few steps for each character of a piece, which may be the whole
// text.
constexpr std::size_t kStepsPerByte = 16;
constexpr std::size_t kLeastSteps = 1 << 16;
constexpr std::size_t kLargestStack = 1 << 20;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};
template <class T, auto function>
using Handle = std::unique_ptr<T, Free<function>>;

const unsigned char* units(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string message_of(int error) {
  unsigned char text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct Pattern::Code {
  Handle<pcre2_code, pcre2_code_free> compiled;
};

Pattern::Pattern(std::string_view expression, std::string_view where) : where_(where) {
  const auto bad = [&](const std::string& why) {
    fail("{}: expected a regular expression, found {}: {}", where_, printable(expression), why);
  };
  if (expression.size() > kLongestExpression) bad(fmt::format("{} bytes", expression.size()));
  int error = 0;
  std::size_t at = 0;
  Handle<pcre2_code, pcre2_code_free> compiled(pcre2_compile(units(expression), expression.size(),
                                                             PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                                                             &error, &at, nullptr));
  if (compiled == nullptr) bad(fmt::format("{} at byte {}", message_of(error), at));
  // Where it cannot be compiled for this machine, it is interpreted.
  pcre2_jit_compile(compiled.get(), PCRE2_JIT_COMPLETE);
  code_ = std::make_unique<const Code>(std::move(compiled));
}

Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

void Pattern::for_each(std::string_view text, const Take& take) const {
  const Handle<pcre2_match_context, pcre2_match_context_free> context(pcre2_match_context_create(nullptr));
  const Handle<pcre2_jit_stack, pcre2_jit_stack_free> stack(
      pcre2_jit_stack_create(32 << 10, kLargestStack, nullptr));
  const Handle<pcre2_match_data, pcre2_match_data_free> match(
      pcre2_match_data_create_from_pattern(code_->compiled.get(), nullptr));
  if (context == nullptr || stack == nullptr || match == nullptr) fail("{}: out of memory", where_);
  pcre2_set_match_limit(context.get(), static_cast<std::uint32_t>(kLeastSteps + kStepsPerByte * text.size()));
  pcre2_jit_stack_assign(context.get(), nullptr, stack.get());

  const std::string older = with_older_characters(text);
  const std::string_view subject = older.empty() ? text : older;
  std::size_t done = 0;
  for (std::size_t from = 0; from < text.size();) {
    const int count = pcre2_match(code_->compiled.get(), units(subject), subject.size(), from,
                                  PCRE2_NO_UTF_CHECK, match.get(), context.get());
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) fail("{}: the expression cannot be followed in this text: {}", where_, message_of(count));
    const std::size_t* range = pcre2_get_ovector_pointer(match.get());
    const std::size_t begin = range[0];
    const std::size_t end = range[1];
    if (end <= begin || begin < done) fail("{}: expected an expression that matches no empty text", where_);
    if (begin > done) take(text.substr(done, begin - done), false);
    take(text.substr(begin, end - begin), true);
    done = from = end;
  }
  if (done < text.size()) take(text.substr(done), false);
}

}  // namespace tramontane
