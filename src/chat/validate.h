#pragma once
#include "tramontane/chat.h"

namespace tramontane {

/// Throws ChatError unless `conversation` is one that models of that version know. The checks are in the
/// order of mistral-common's, so that the first that fails is the same one.
void validate(const Conversation& conversation, ChatTemplate::Version version);

}  // namespace tramontane
