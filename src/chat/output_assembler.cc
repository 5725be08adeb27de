#include "chat/output_assembler.h"

#include <algorithm>
#include <utility>

#include "chat/json_slices.h"

namespace tramontane {
namespace {

constexpr std::string_view kLettersAndDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdLength = 9;

bool all_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_call_id(std::string_view id) { return id.size() == kIdLength && all_of(id, kLettersAndDigits); }

/// What the templates accept when the call comes back to them as history.
bool is_function_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  if (name.empty() || name.size() > kLongest) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return kLettersAndDigits.find(c) != std::string_view::npos || c == '_' || c == '-';
  });
}

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// A call of the list form; without a name when it is none.
ToolCall read_listed_call(std::string_view text) {
  if (!text.starts_with('{')) return {};
  ToolCall call;
  bool has_arguments = false;
  for (const auto& [key, value] : object_slices(text)) {  // of two with one key the last counts
    if (key == "name") call.name = string_value(value).value_or("");
    if (key == "id") call.id = string_value(value).value_or("");
    if (key == "arguments") {
      has_arguments = value.starts_with('{');
      call.arguments = value;
    }
  }
  return has_arguments && is_function_name(call.name) ? call : ToolCall{};
}

/// None when the text is not a list that consists of calls.
std::vector<ToolCall> read_list(std::string_view text) {
  std::vector<ToolCall> calls;
  const auto elements = array_slices(text);
  if (!elements) return {};
  for (const std::string_view element : *elements) {
    calls.push_back(read_listed_call(element));
    if (calls.back().name.empty()) return {};
  }
  return calls;
}

}  // namespace

OutputAssembler::OutputAssembler(const OutputParserOptions& options) : random_(options.id_seed) {
  if (options.in_reasoning) open_reasoning();
}

void OutputAssembler::open_reasoning() {
  output_.message.content.push_back({ContentPart::Kind::think, "", false});
  state_ = State::reasoning;
  new_part_ = true;
}

void OutputAssembler::add(ContentPart::Kind kind, std::string_view text) {
  if (text.empty()) return;
  const bool reasoning = kind == ContentPart::Kind::think;
  if (!reasoning && new_part_) {
    output_.message.content.push_back({kind, "", true});
    new_part_ = false;
  }
  output_.message.content.back().text += text;
  const auto delta = reasoning ? OutputDelta::Kind::reasoning : OutputDelta::Kind::content;
  if (deltas_.empty() || deltas_.back().kind != delta) deltas_.push_back({delta});
  deltas_.back().text += text;
}

void OutputAssembler::text(std::string_view text) {
  switch (state_) {
    case State::content:
      return add(ContentPart::Kind::text, text);
    case State::reasoning:
      return add(ContentPart::Kind::think, text);
    case State::call:
      call_.fields[call_.field] += text;
      call_.written += text;
  }
}

void OutputAssembler::mark(Mark mark) {
  switch (mark) {
    case Mark::tool_calls:
      finish_call();
      state_ = State::call;
      call_ = {};
      call_.written = spelling(mark);
      return;
    case Mark::think:
      if (state_ == State::reasoning) return misplaced(mark);
      finish_call();
      return open_reasoning();
    case Mark::end_think:
      finish_call();
      if (state_ != State::reasoning) return misplaced(mark);
      output_.message.content.back().closed = true;
      state_ = State::content;
      return;
    case Mark::call_id:
    case Mark::args:
      return state_ == State::call ? mark_in_call(mark) : misplaced(mark);
  }
}

void OutputAssembler::misplaced(Mark mark) {
  output_.malformed++;
  text(spelling(mark));
}

void OutputAssembler::mark_in_call(Mark mark) {
  const Call::Field next = mark == Mark::call_id ? Call::id : Call::arguments;
  call_.in_order = call_.in_order && call_.field < next;
  call_.field = next;
  call_.written += spelling(mark);
}

std::vector<ToolCall> OutputAssembler::read_call() const {
  const auto field = [&](Call::Field which) { return trimmed(call_.fields[which]); };
  if (!call_.in_order || call_.field == Call::id) return {};
  if (call_.field == Call::name) return read_list(field(Call::name));
  if (!is_function_name(field(Call::name)) || !is_json_object(field(Call::arguments))) return {};
  return {ToolCall{std::string(field(Call::id)), std::string(field(Call::name)),
                   std::string(field(Call::arguments))}};
}

void OutputAssembler::finish_call() {
  if (state_ != State::call) return;
  state_ = State::content;
  std::vector<ToolCall> calls = read_call();
  if (calls.empty()) {
    output_.malformed++;
    add(ContentPart::Kind::text, call_.written);
  }
  for (ToolCall& call : calls) {
    if (!is_call_id(call.id)) call.id = next_id();
    output_.message.tool_calls.push_back(call);
    deltas_.push_back({OutputDelta::Kind::tool_call, "", std::move(call)});
  }
  call_ = {};
}

void OutputAssembler::finish() { finish_call(); }

std::string OutputAssembler::next_id() {
  std::uint64_t bits = next_random(random_);
  std::string id;
  for (std::size_t i = 0; i < kIdLength; i++, bits /= kLettersAndDigits.size()) {
    id += kLettersAndDigits[bits % kLettersAndDigits.size()];
  }
  return id;
}

std::vector<OutputDelta> OutputAssembler::take_deltas() { return std::exchange(deltas_, {}); }

}  // namespace tramontane
