#pragma once
#include "chat/json_value.h"

namespace tramontane {

/// Whether `value` follows draft 7 of JSON Schema. The syntax of regular expressions in it is not looked at.
bool is_schema(const JsonValue& value);

}  // namespace tramontane
