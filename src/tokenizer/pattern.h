#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tramontane {

constexpr std::size_t kLongestExpression = 4096;  // in bytes

/// The regular expression that cuts a text into the pieces that are encoded one by one: PCRE2's, of Unicode
/// characters with their properties. Immutable, so safe to use from several threads at once; move-only.
class Pattern {
 public:
  /// Throws Error "WHERE: expected a regular expression, found ..." for one that PCRE2 refuses or that has
  /// more than kLongestExpression bytes; it is untrusted.
  Pattern(std::string_view expression, std::string_view where);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  /// Hands the matches in `text`, which is valid UTF-8, to `take` in their order, and what lies between two
  /// of them likewise. Throws Error when the expression backtracks too much, as a hostile one can.
  using Take = std::function<void(std::string_view piece, bool is_match)>;
  void for_each(std::string_view text, const Take& take) const;

 private:
  struct Code;
  std::unique_ptr<const Code> code_;
  std::string where_;
};

}  // namespace tramontane
