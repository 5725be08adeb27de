#include <array>
#include <cstdint>

#include "chat/jinja_form.h"
#include "chat/styles.h"
#include "checkpoint/json.h"
#include "core/fail.h"
#include "core/mapped_file.h"

namespace tramontane {
namespace {

using Family = ChatStyle::Family;

struct Known {
  std::uint64_t digest;  // of the template's form
  Family family;
  bool bos = false;
  std::string_view default_system = {};
};

/// tests/data/chat_templates has the templates and says whose they are.
constexpr std::array kKnown = {
    Known{0xe93e9010fe17d541, Family::llama2},
    Known{0x84877a24dbd983a4, Family::llama2},
    Known{0x355db4f3b4ffe2ba, Family::llama3},
    Known{0xf7e4993924ad3592, Family::llama3},
    Known{0x8d5448231c49bbad, Family::chatml},
    Known{0xa511e6bdbb3b8a16, Family::chatml},
    Known{0x6d595978c6f79085, Family::chatml, true},
    Known{0xe2ef6b7a301b2be6, Family::chatml, false, "You are a helpful assistant."},
    Known{0x4b659c5acccc01a2, Family::zephyr},
};

/// FNV-1a, 64 bits. Forging one would only choose how the forger's own model is spoken to.
std::uint64_t digest_of(std::string_view text) {
  std::uint64_t digest = 0xcbf29ce484222325U;
  for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return digest;
}

struct TemplateFile {
  std::string file;
  std::string source;
};

/// The template of a tokenizer_config.json: a string, or the one called "default" of a list.
std::optional<TemplateFile> template_in_config(const std::string& file, const nlohmann::json& json) {
  const Fields config(json, file);
  const nlohmann::json* value = config.find("chat_template");
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return TemplateFile{file, value->get<std::string>()};
  if (!value->is_array()) config.wrong("chat_template", "a string or a list");
  for (const nlohmann::json& one : *value) {
    const Fields named(one, file, "chat_template.");
    if (named.string("name") != "default") continue;
    if (auto source = named.string("template")) return TemplateFile{file, std::move(*source)};
  }
  config.wrong("chat_template", "one with the name default");
}

std::optional<TemplateFile> find_template(const std::filesystem::path& folder) {
  constexpr std::size_t kLargest = 16 << 20;  // bytes
  std::error_code ignored;
  const auto jinja = folder / "chat_template.jinja";
  if (std::filesystem::exists(jinja, ignored))
    return TemplateFile{jinja.string(), read_text(jinja, kLargest)};
  const auto config = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(config, ignored)) return std::nullopt;
  return template_in_config(config.string(), parse_json(read_text(config, kLargest), config.string()));
}

}  // namespace

std::optional<ChatStyle> recognise_style(std::string_view source) {
  constexpr std::size_t kLongest = 64 << 10;  // bytes; a form takes a hundred times its source to make
  if (source.size() > kLongest) return std::nullopt;
  const auto form = jinja_form(source);
  if (!form) return std::nullopt;
  const std::uint64_t digest = digest_of(*form);
  for (const Known& known : kKnown) {
    if (known.digest == digest) {
      return ChatStyle{known.family, known.bos, std::string(known.default_system)};
    }
  }
  return std::nullopt;
}

FolderTemplate template_of_folder(const std::filesystem::path& folder) {
  const auto found = find_template(folder);
  if (!found) return {};
  if (auto style = recognise_style(found->source)) return {.style = std::move(style)};
  const auto has = [&](std::string_view text) { return found->source.find(text) != std::string::npos; };
  if (has("[INST]") && !has("<<SYS>>")) return {.mistral = true};
  fail(
      "{}: expected a chat template that is known (Mistral's, or the published ones of llama2, llama3, "
      "chatml "
      "or zephyr), found another; choose one with --chat-template",
      found->file);
}

}  // namespace tramontane
