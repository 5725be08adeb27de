#pragma once
#include <optional>
#include <string>

#include "tramontane/chat.h"

namespace tramontane {

/// The JSON between [MODEL_SETTINGS] and [/MODEL_SETTINGS]; nothing: the model has no settings. Throws
/// ChatError (request) when `conversation` asks for one that it does not have.
std::optional<std::string> settings_text(const Conversation& conversation,
                                         const std::optional<SettingsRules>& rules);

}  // namespace tramontane
