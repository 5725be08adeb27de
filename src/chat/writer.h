#pragma once
#include "chat/normalize.h"

namespace tramontane {

/// The pieces of a normalised request, tools and settings included. `settings` are those of settings_text().
/// Throws ChatError (not_encodable).
std::vector<PromptPiece> write_prompt(const NormalizedRequest& request, const std::vector<Tool>& tools,
                                      const std::optional<std::string>& settings,
                                      ChatTemplate::Version version);

}  // namespace tramontane
