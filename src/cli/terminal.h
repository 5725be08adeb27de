#pragma once
#include <atomic>
#include <string_view>

namespace tramontane::cli {

/// True once Ctrl-C (or SIGTERM) came; a second one ends the process at once.
const std::atomic<bool>& interrupt_flag();
/// Which signal it was, 0 for none.
int interrupt_signal();
void catch_interrupts();
/// Forgets the one that came, and catches the next.
void forget_interrupt();
/// Waits until `fd` can be read. False: an interrupt came, before or while waiting, and is not forgotten.
/// After catch_interrupts().
bool wait_for_input(int fd);

/// Standard streams that the program was started without stay unusable, where else the next file that is
/// opened would take their place. Before any is opened.
void hold_standard_streams();

/// A closed pipe is seen where it is written to, instead of ending the process.
void ignore_closed_pipes();

/// Writes a message to standard error as it is. What cannot be written there is lost: there is nobody to
/// tell.
void note(std::string_view text);

/// Standard output, unbuffered. After the first failure nothing more is written.
class Output {
 public:
  /// False when the text could not be written, now or earlier. Does not throw.
  bool write(std::string_view text);
  /// The reader of a pipe is gone: not an error.
  bool closed() const;
  /// Throws Error when writing failed for another reason (a full disk).
  void check() const;

 private:
  int error_ = 0;  // errno of the failure
};

}  // namespace tramontane::cli
