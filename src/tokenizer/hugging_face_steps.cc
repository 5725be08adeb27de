#include "tokenizer/hugging_face_steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/fail.h"
#include "tokenizer/portable_pattern.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

using nlohmann::json;

constexpr std::size_t kMostSteps = 8;          // real files have up to four
constexpr std::size_t kLongestInsertion = 16;  // bytes
constexpr const char* kWords =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";  // GPT-2's

/// The steps that `key` of `top` holds: itself, or for a Sequence those listed in `parts`; none for null.
std::vector<Fields> steps_of(const Fields& top, const char* key, const char* parts) {
  const auto step = top.object(key);
  if (!step) return {};
  if (step->string("type") != "Sequence") return {*step};
  allow_only(*step, {"type", parts});
  const json* listed = step->find(parts);
  if (listed == nullptr || !listed->is_array() || listed->size() > kMostSteps) {
    step->wrong(parts, fmt::format("a list of at most {} steps", kMostSteps));
  }
  std::vector<Fields> steps;
  steps.reserve(listed->size());
  for (std::size_t i = 0; i < listed->size(); i++) {
    steps.emplace_back((*listed)[i], step->file(), fmt::format("{}{}[{}].", step->path(), parts, i));
  }
  return steps;
}

std::string need_string(const Fields& fields, const char* key, std::size_t longest) {
  const auto text = fields.string(key);
  if (!text || text->empty() || text->size() > longest) {
    fields.wrong(key, fmt::format("a text of 1 to {} bytes", longest));
  }
  return *text;
}

/// The pattern of a step, of which only the kind `kind` is read: "String" or "Regex".
std::string pattern_of(const Fields& step, const char* kind, std::size_t longest) {
  const auto pattern = step.object("pattern");
  if (!pattern) step.wrong("pattern", fmt::format("an object with {}", kind));
  allow_only(*pattern, {kind});
  return need_string(*pattern, kind, longest);
}

NormalizerStep read_replace(const Fields& step) {
  allow_only(step, {"type", "pattern", "content"});
  const auto content = step.string("content");
  if (!content || content->size() > kLongestInsertion) {
    step.wrong("content", fmt::format("a text of at most {} bytes", kLongestInsertion));
  }
  return {pattern_of(step, "String", kLongestInsertion), *content};
}

void need_meta_space(const Fields& step) {
  if (step.string("replacement") != kMetaSpace) step.wrong("replacement", "U+2581");
}

PreTokenizerSteps::Prepend prepend_scheme(const Fields& step) {
  using Prepend = PreTokenizerSteps::Prepend;
  const std::string scheme = step.string("prepend_scheme").value_or("always");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    step.wrong("prepend_scheme", "'always', 'first' or 'never'");
  }
  if (step.boolean("add_prefix_space") == false && scheme != "never") {
    step.wrong("add_prefix_space", "true, as prepend_scheme has it");
  }
  if (scheme == "never") return Prepend::never;
  return scheme == "first" ? Prepend::first : Prepend::always;
}

void add_split(const Fields& step, PreTokenizerSteps& steps) {
  allow_only(step, {"type", "pattern", "behavior", "invert"});
  if (step.string("behavior") != "Isolated") step.wrong("behavior", "'Isolated'");
  if (step.boolean("invert").value_or(false)) step.wrong("invert", "false");
  const std::string expression = pattern_of(step, "Regex", kLongestExpression);
  if (const std::string_view odd = read_differently(expression); !odd.empty()) {
    step.wrong("pattern", fmt::format("an expression without {}", printable(odd)));
  }
  steps.splits.push_back(expression);
}

void add_metaspace(const Fields& step, PreTokenizerSteps& steps) {
  allow_only(step, {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
  need_meta_space(step);
  steps.metaspace = true;
  steps.prepend = prepend_scheme(step);
  steps.split_words = step.boolean("split").value_or(true);
}

void add_byte_level(const Fields& step, PreTokenizerSteps& steps) {
  allow_only(step, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  steps.bytes = true;
  steps.add_prefix_space = step.boolean("add_prefix_space").value_or(true);
  if (steps.add_prefix_space && !steps.splits.empty()) {
    step.wrong("add_prefix_space", "false after a Split");
  }
  if (step.boolean("use_regex").value_or(true)) steps.splits.emplace_back(kWords);
}

void read_template(const Fields& step, EndTokens& ends) {
  const json* single = step.find("single");
  const auto tokens = step.object("special_tokens");
  if (single == nullptr || !single->is_array() || single->size() > 3) {
    step.wrong("single", "a list: the sequence, and a token before and after it");
  }
  bool after = false;
  for (std::size_t i = 0; i < single->size(); i++) {
    const Fields part((*single)[i], step.file(), fmt::format("{}single[{}].", step.path(), i));
    if (part.has("Sequence")) {
      if (after) part.wrong("Sequence", "one sequence");
      after = true;
      continue;
    }
    const auto token = part.object("SpecialToken");
    std::string& end = after ? ends.eos : ends.bos;
    if (!token || !end.empty()) part.wrong("SpecialToken", "one token before the sequence and one after");
    end = need_string(*token, "id", kLongestPiece);
    // The template may call the token by a name of its own.
    const auto meant = tokens ? tokens->object(end.c_str()) : std::nullopt;
    const json* spelled = meant ? meant->find("tokens") : nullptr;
    if (spelled == nullptr || !spelled->is_array() || spelled->size() != 1 || !(*spelled)[0].is_string()) {
      step.wrong("special_tokens", "an object with the one token of each name");
    }
    end = (*spelled)[0].get<std::string>();
  }
}

}  // namespace

void allow_only(const Fields& fields, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : fields.value().items()) {
    if (!value.is_null() && std::find(known.begin(), known.end(), key) == known.end()) {
      fields.wrong(key.c_str(), "nothing");
    }
  }
}

std::vector<NormalizerStep> read_normalizer(const Fields& top) {
  std::vector<NormalizerStep> steps;
  for (const Fields& step : steps_of(top, "normalizer", "normalizers")) {
    const auto type = step.string("type");
    if (type == "Prepend") {
      allow_only(step, {"type", "prepend"});
      steps.push_back({"", need_string(step, "prepend", kLongestInsertion)});
    } else if (type == "Replace") {
      steps.push_back(read_replace(step));
    } else {
      step.wrong("type", "'Prepend' or 'Replace', or a Sequence of these");
    }
  }
  return steps;
}

PreTokenizerSteps read_pre_tokenizer(const Fields& top) {
  PreTokenizerSteps steps;
  for (const Fields& step : steps_of(top, "pre_tokenizer", "pretokenizers")) {
    const auto type = step.string("type");
    if (steps.bytes || steps.metaspace) step.wrong("type", "nothing after ByteLevel and Metaspace");
    if (type == "Split") {
      add_split(step, steps);
    } else if (type == "ByteLevel") {
      add_byte_level(step, steps);
    } else if (type == "Metaspace" && steps.splits.empty()) {
      add_metaspace(step, steps);
    } else {
      step.wrong("type", "'Metaspace', 'ByteLevel', or Splits and then perhaps ByteLevel");
    }
  }
  return steps;
}

DecoderSteps read_decoder(const Fields& top) {
  constexpr const char* kExpected =
      "'ByteLevel', or of Metaspace or Replace, ByteFallback, Fuse and Strip some, in this order";
  DecoderSteps steps;
  enum { pieces, bytes, fused, stripped, end } stage = pieces;
  const std::vector<Fields> listed = steps_of(top, "decoder", "decoders");
  if (listed.empty()) top.wrong("decoder", kExpected);
  for (const Fields& step : listed) {
    const auto type = step.string("type");
    const bool first = &step == &listed.front();
    if (type == "ByteLevel" && first) {
      steps.bytes = true;
      stage = end;
    } else if (type == "Metaspace" && first) {
      allow_only(step, {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
      need_meta_space(step);
      steps.metaspace = true;
      steps.strip_metaspaces = prepend_scheme(step) != PreTokenizerSteps::Prepend::never;
    } else if (type == "Replace" && stage == pieces && !steps.metaspace) {
      steps.replacements.push_back(read_replace(step));
    } else if (type == "ByteFallback" && stage == pieces) {
      steps.byte_fallback = true;
      stage = bytes;
    } else if (type == "Fuse" && stage <= bytes) {
      stage = fused;
    } else if (type == "Strip" && stage == fused && !steps.metaspace) {
      allow_only(step, {"type", "content", "start", "stop"});
      if (step.string("content") != " ") step.wrong("content", "a space");
      if (step.need_integer("stop", 0, 1) != 0) step.wrong("stop", "0");
      steps.strip_space = step.need_integer("start", 0, 1) == 1;
      stage = stripped;
    } else {
      step.wrong("type", kExpected);
    }
  }
  return steps;
}

EndTokens read_post_processor(const Fields& top) {
  EndTokens ends;
  for (const Fields& step : steps_of(top, "post_processor", "processors")) {
    const auto type = step.string("type");
    if (type == "TemplateProcessing" && ends.bos.empty() && ends.eos.empty()) {
      read_template(step, ends);
    } else if (type != "ByteLevel") {  // which moves offsets alone
      step.wrong("type", "'ByteLevel' or one TemplateProcessing");
    }
  }
  return ends;
}

}  // namespace tramontane
