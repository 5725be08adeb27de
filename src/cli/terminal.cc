#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

#include "core/fail.h"

namespace tramontane::cli {
namespace {

std::atomic<bool> interrupted{false};
volatile std::sig_atomic_t signal_seen = 0;
// Readable while an interrupt is not forgotten: one that comes just before somebody waits for input, or in
// another thread, wakes them all the same.
int interrupt_event = -1;

void on_signal(int signal) {
  const int error = errno;
  signal_seen = signal;
  interrupted.store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(interrupt_event, &one, sizeof one);
  errno = error;
}

// 0, or the errno of what went wrong.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

const std::atomic<bool>& interrupt_flag() { return interrupted; }
int interrupt_signal() { return signal_seen; }

void catch_interrupts() {
  if (interrupt_event < 0) interrupt_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second Ctrl-C is the default one
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction inherited{};
    sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);  // nohup stays nohup
  }
}

void forget_interrupt() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = ::read(interrupt_event, &count, sizeof count);
  signal_seen = 0;
  interrupted.store(false, std::memory_order_relaxed);
  catch_interrupts();
}

bool wait_for_input(int fd) {
  std::array<pollfd, 2> waiting = {{{fd, POLLIN, 0}, {interrupt_event, POLLIN, 0}}};
  while (::poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
  }
  return waiting[1].revents == 0;
}

void hold_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {  // open() takes the lowest that is free
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void ignore_closed_pipes() { std::signal(SIGPIPE, SIG_IGN); }

void note(std::string_view text) { write_all(STDERR_FILENO, text); }

bool Output::write(std::string_view text) {
  if (error_ == 0) error_ = write_all(STDOUT_FILENO, text);
  return error_ == 0;
}

bool Output::closed() const { return error_ == EPIPE; }

void Output::check() const {
  if (error_ != 0 && !closed()) fail("standard output: {}", std::generic_category().message(error_));
}

}  // namespace tramontane::cli
