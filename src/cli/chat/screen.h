#pragma once
#include <string>
#include <string_view>

#include "cli/terminal.h"
#include "tramontane/output_parser.h"

namespace tramontane::cli {

/// Where an answer appears as it comes: content on standard output, and on a terminal also the reasoning,
/// dimmed (unless NO_COLOR is set), and tool calls. Control characters of the model never reach a terminal.
class Screen {
 public:
  Screen();

  /// False when nobody reads any more.
  bool show(const OutputDelta& delta);
  /// The answer is complete.
  bool end();
  Output& output() { return out_; }

 private:
  std::string styled(std::string_view text, bool dim);

  Output out_;
  bool terminal_;
  bool colours_;
  bool dim_ = false;
  bool fresh_ = true;  // at the start of a line
};

}  // namespace tramontane::cli
