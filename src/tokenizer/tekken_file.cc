#include "tokenizer/tekken_file.h"

#include <array>
#include <optional>
#include <set>

#include "checkpoint/json.h"
#include "core/fail.h"
#include "core/utf8.h"
#include "tokenizer/base64.h"
#include "tokenizer/tokenizer_files.h"

namespace tramontane {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostTokens = 1 << 20;
constexpr std::int64_t kMostSpecialTokens = 1 << 16;
// Bounds the time that looking up takes. The longest sequences of the files there are have 128 bytes or so.
constexpr std::size_t kLongestSequence = 1024;

// The first special tokens of a file that lists none, as files up to v7 may; they number the rest.
constexpr std::array<const char*, 20> kDefaultSpecialTokens = {
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
};

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name)
      : name_(name), json_(parse_json(bytes, name)), top_(json_, name_) {}

  TekkenFile run() {
    const auto config = top_.object("config");
    if (!config) top_.wrong("config", "an object");
    file_.version = config->string("version").value_or("");
    if (!is_version(file_.version)) config->wrong("version", "one of v1, v2, v3, v7, v11, v13 and v15");
    if (const json* settings = top_.find("model_settings_builder")) {
      if (file_.version != "v15") top_.wrong("model_settings_builder", "nothing before v15");
      file_.model_settings = settings->dump();
    }
    const auto pattern = config->string("pattern");
    if (!pattern) config->wrong("pattern", "a regular expression");
    file_.pattern = *pattern;
    const std::int64_t special = config->need_integer("default_num_special_tokens", 0, kMostSpecialTokens);
    const std::int64_t all = config->need_integer("default_vocab_size", special + 256, kMostTokens);
    read_special_tokens(static_cast<std::size_t>(special));
    read_vocabulary(static_cast<std::size_t>(all - special));
    return std::move(file_);
  }

 private:
  template <class... Args>
  [[noreturn]] void bad(std::string_view key, std::size_t index, fmt::format_string<Args...> text,
                        Args&&... args) const {
    fail("{}: key '{}[{}]': {}", name_, key, index, fmt::format(text, std::forward<Args>(args)...));
  }

  const json::array_t* list(const char* key) const {
    const json* value = top_.find(key);
    if (value != nullptr && !value->is_array()) top_.wrong(key, "a list");
    return value == nullptr ? nullptr : &value->get_ref<const json::array_t&>();
  }

  /// Those of the list, or of the older files without one; then fillers up to `count`.
  void read_special_tokens(std::size_t count) {
    std::vector<std::string>& tokens = file_.special_tokens;
    if (const json::array_t* listed = list("special_tokens")) {
      for (std::size_t i = 0; i < listed->size(); i++) tokens.push_back(special_token((*listed)[i], i));
    } else if (file_.version == "v11" || file_.version == "v13" || file_.version == "v15") {
      fail("{}: key 'special_tokens': expected a list, as {} has it, found nothing", name_, file_.version);
    } else {
      tokens.assign(kDefaultSpecialTokens.begin(), kDefaultSpecialTokens.end());
    }
    if (tokens.size() > count) {
      fail("{}: key 'config.default_num_special_tokens': expected at least {}, one for each, found {}", name_,
           tokens.size(), count);
    }
    while (tokens.size() < count) tokens.push_back(fmt::format("<SPECIAL_{}>", tokens.size()));
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < count; i++) {
      if (!seen.insert(tokens[i]).second) {
        bad("special_tokens", i, "expected another token than those before, found {}", printable(tokens[i]));
      }
    }
  }

  std::string special_token(const json& entry, std::size_t index) const {
    const Fields token(entry, name_, fmt::format("special_tokens[{}].", index));
    check_rank(token, index);
    const auto text = token.string("token_str");
    if (!text || text->empty()) token.wrong("token_str", "a text");
    return *text;
  }

  /// What goes beyond `count` is left out, as the file's own sizes say.
  void read_vocabulary(std::size_t count) {
    const json::array_t* listed = list("vocab");
    const std::size_t found = listed == nullptr ? 0 : listed->size();
    if (found < count) fail("{}: key 'vocab': expected {} tokens, found {}", name_, count, found);
    for (std::size_t i = 0; i < count; i++) {
      const Fields token((*listed)[i], name_, fmt::format("vocab[{}].", i));
      check_rank(token, i);
      const auto encoded = token.string("token_bytes");
      const auto bytes = encoded ? decode_base64(*encoded) : std::nullopt;
      if (!bytes || bytes->empty() || bytes->size() > kLongestSequence) {
        token.wrong("token_bytes", fmt::format("1 to {} bytes in base64", kLongestSequence));
      }
      if (i < 256 && *bytes != std::string(1, static_cast<char>(i))) {
        token.wrong("token_bytes", fmt::format("byte {} in base64", i));
      }
      if (!file_.vocabulary.add(*bytes)) token.wrong("token_bytes", "other bytes than of the tokens before");
    }
  }

  static void check_rank(const Fields& token, std::size_t index) {
    const auto rank = static_cast<std::int64_t>(index);
    if (token.integer("rank", 0, kMostTokens) != rank) token.wrong("rank", fmt::format("{}", rank));
  }

  const std::string& name_;
  json json_;
  Fields top_;
  TekkenFile file_;
};

}  // namespace

TekkenFile read_tekken_file(std::string_view bytes, const std::string& name) {
  return Reader(bytes, name).run();
}

}  // namespace tramontane
