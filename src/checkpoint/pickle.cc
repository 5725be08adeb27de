#include "checkpoint/pickle.h"

#include <algorithm>
#include <array>

#include "checkpoint/byte_reader.h"
#include "checkpoint/pickle_names.h"
#include "checkpoint/shape.h"
#include "core/fail.h"

// The format is a program for a stack machine; Python's pickletools.py says what each opcode does.
namespace tramontane {
namespace {

using Kind = PickleValue::Kind;

// The pickle of a 123-billion-parameter model has a fifth of a megabyte and makes 20 thousand values.
constexpr std::size_t kLargestPickle = 4 << 20;
constexpr std::size_t kMostValues = 1'000'000;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& file)
      : file_(file), reader_(bytes, file, "pickle") {}

  Pickle run() {
    while (pickle_.top == nullptr) {
      at_ = reader_.position();
      const auto code = unsigned_integer<1>();
      const Instruction instruction = kInstructions[code];
      if (instruction == nullptr) refuse(static_cast<std::uint8_t>(code));
      (this->*instruction)();
    }
    return std::move(pickle_);
  }

 private:
  using Instruction = void (Machine::*)();
  static const std::array<Instruction, 256> kInstructions;
  static constexpr std::array<Instruction, 256> instructions();

  // Errors.

  template <class... Args>
  [[noreturn]] void wrong(fmt::format_string<Args...> text, Args&&... args) const {
    fail("{}: pickle: byte {}: {}", file_, at_, fmt::format(text, std::forward<Args>(args)...));
  }

  [[noreturn]] void refuse(std::uint8_t code) const {
    const std::string_view name = pickle_opcode_name(code);
    if (name.empty()) wrong("expected an opcode, found {:#04x}", code);
    wrong("expected what tensors in a dictionary need, found opcode {}", name);
  }

  void check(const PickleValue& value, Kind kind) const {
    if (value.kind != kind) wrong("expected {}, found {}", describe(kind), describe(value.kind));
  }

  // Operands in the pickle.

  template <int width>
  std::uint64_t unsigned_integer() {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::byte byte : reader_.take(width)) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view line() {
    std::size_t size = 0;
    ByteReader ahead = reader_;
    while (ahead.text(1) != "\n") size++;
    const std::string_view text = reader_.text(size);
    reader_.take(1);
    return text;
  }

  // The stack. What lies below the last mark is out of reach.

  PickleValue& make(Kind kind) {
    if (pickle_.values.size() == kMostValues) wrong("expected at most {} values, found more", kMostValues);
    PickleValue& value = pickle_.values.emplace_back();
    value.kind = kind;
    return value;
  }

  PickleValue& push(Kind kind) {
    PickleValue& value = make(kind);
    stack_.push_back(&value);
    return value;
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleValue& top() const {
    if (stack_.size() <= floor()) wrong("expected a value on the stack, found none");
    return *stack_.back();
  }

  PickleValue& pop() {
    PickleValue& value = top();
    stack_.pop_back();
    return value;
  }

  /// What was pushed since the last mark, which goes too.
  std::vector<PickleValue*> pop_to_mark() {
    if (marks_.empty()) wrong("expected a mark on the stack, found none");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue*> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }

  // Instructions.

  void protocol() {
    const auto version = unsigned_integer<1>();
    if (version < 2 || version > 5) wrong("expected pickle protocol 2 to 5, found {}", version);
  }

  void frame() {  // a hint of how much to read at once
    const auto size = unsigned_integer<8>();
    if (size > reader_.remaining())
      wrong("expected a frame within {} bytes, found {}", reader_.remaining(), size);
  }

  void stop() {
    const PickleValue& result = pop();
    if (!stack_.empty() || !marks_.empty()) wrong("expected one value at the end, found more");
    if (reader_.remaining() != 0) wrong("expected the end, found {} more bytes", reader_.remaining());
    pickle_.top = &result;
  }

  void mark() { marks_.push_back(stack_.size()); }

  template <Kind kind>
  void empty() {
    push(kind);
  }

  template <bool value>
  void boolean() {
    push(Kind::boolean).integer = value ? 1 : 0;
  }

  template <int width>
  void small_integer() {
    push(Kind::integer).integer = static_cast<std::int64_t>(unsigned_integer<width>());
  }

  void int32() {
    const auto bits = static_cast<std::uint32_t>(unsigned_integer<4>());
    push(Kind::integer).integer = static_cast<std::int32_t>(bits);
  }

  void long_integer() {
    const auto bytes = reader_.take(unsigned_integer<1>());
    if (bytes.size() > 8) wrong("expected an integer of 64 bits, found one of {} bytes", bytes.size());
    const bool negative = !bytes.empty() && (bytes.back() & std::byte{0x80}) != std::byte{};
    std::uint64_t value = negative ? ~0ULL : 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
      value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    push(Kind::integer).integer = static_cast<std::int64_t>(value);
  }

  void real() {
    reader_.take(8);
    push(Kind::real);
  }

  template <int width>
  void text() {
    const std::string_view content = reader_.text(unsigned_integer<width>());
    push(Kind::text).text = content;
  }

  template <int size>
  void small_tuple() {
    std::vector<PickleValue*> items(size);
    std::generate(items.rbegin(), items.rend(), [&] { return &pop(); });
    push(Kind::tuple).items = std::move(items);
  }

  void tuple() {
    auto items = pop_to_mark();
    push(Kind::tuple).items = std::move(items);
  }

  void append() {
    PickleValue& item = pop();
    check(top(), Kind::list);
    top().items.push_back(&item);
  }

  void append_marked() { extend(Kind::list, pop_to_mark()); }

  void set_item() {
    PickleValue& value = pop();
    PickleValue& key = pop();
    extend(Kind::dict, {&key, &value});
  }

  void set_marked() {
    const auto items = pop_to_mark();
    if (items.size() % 2 != 0) wrong("expected keys and values, found {} of them", items.size());
    extend(Kind::dict, items);
  }

  void extend(Kind kind, const std::vector<PickleValue*>& items) {
    check(top(), kind);
    top().items.insert(top().items.end(), items.begin(), items.end());
  }

  // The memo: values by number. pickle counts them up, so that a number can waste no memory.

  template <int width>
  void put() {
    const auto number = unsigned_integer<width>();
    if (number > memo_.size()) {
      wrong("expected a place in the memo up to {}, found {}", memo_.size(), number);
    }
    if (number == memo_.size()) memo_.push_back(nullptr);
    memo_[number] = &top();
  }

  void memoize() { memo_.push_back(&top()); }

  template <int width>
  void get() {
    const auto number = unsigned_integer<width>();
    if (number >= memo_.size()) {
      wrong("expected one of {} places in the memo, found {}", memo_.size(), number);
    }
    stack_.push_back(memo_[number]);
  }

  // Names and what is made with them.

  void push_global(std::string_view module, std::string_view name) {
    const TorchGlobal* global = find_torch_global(module, name);
    if (global == nullptr) {
      wrong("expected what tensors in a dictionary need, found global {}",
            printable(fmt::format("{}.{}", module, name)));
    }
    push(Kind::global).global = global;
  }

  void global() {
    const std::string_view module = line();
    push_global(module, line());
  }

  void global_on_stack() {
    const PickleValue& name = pop();
    const PickleValue& module = pop();
    check(name, Kind::text);
    check(module, Kind::text);
    push_global(module.text, name.text);
  }

  void call() {
    const PickleValue& arguments = pop();
    const PickleValue& callee = pop();
    check(arguments, Kind::tuple);
    check(callee, Kind::global);
    switch (callee.global->kind) {
      case TorchGlobal::Kind::ordered_dict:
        if (!arguments.items.empty()) wrong("expected an empty OrderedDict(), found arguments");
        push(Kind::dict);
        return;
      case TorchGlobal::Kind::rebuild_tensor:
        check_tensor(arguments.items);
        push(Kind::tensor).items = arguments.items;
        return;
      case TorchGlobal::Kind::rebuild_parameter:  // (tensor, requires_grad, hooks)
        check_arguments(arguments.items, {Kind::tensor, Kind::boolean, Kind::dict}, "_rebuild_parameter");
        stack_.push_back(arguments.items[0]);
        return;
      case TorchGlobal::Kind::storage:
        wrong("expected a storage by reference, found a call of {}", callee.global->name);
    }
  }

  void check_arguments(std::span<PickleValue* const> found, std::initializer_list<Kind> kinds,
                       std::string_view callee) const {
    if (found.size() != kinds.size()) {
      wrong("expected {} arguments of {}, found {}", kinds.size(), callee, found.size());
    }
    std::size_t i = 0;
    for (const Kind kind : kinds) check(*found[i++], kind);
  }

  /// (storage, offset, size, stride, requires_grad, hooks), and since PyTorch 2 perhaps metadata, which say
  /// that the numbers are to be negated or conjugated.
  void check_tensor(std::span<PickleValue* const> arguments) const {
    if (arguments.size() == 7) {
      const PickleValue& metadata = *arguments.back();
      const bool none =
          metadata.kind == Kind::none || (metadata.kind == Kind::dict && metadata.items.empty());
      if (!none) wrong("expected a plain tensor, found one with metadata");
      arguments = arguments.first(6);
    }
    check_arguments(arguments,
                    {Kind::storage, Kind::integer, Kind::tuple, Kind::tuple, Kind::boolean, Kind::dict},
                    "_rebuild_tensor_v2");
    for (const std::size_t sizes : {2U, 3U}) {
      const auto& items = arguments[sizes]->items;
      if (items.size() > kMostDimensions) {
        wrong("expected at most {} dimensions, found {}", kMostDimensions, items.size());
      }
      for (const PickleValue* size : items) check(*size, Kind::integer);
    }
  }

  /// ("storage", type, key, device, elements)
  void persistent() {
    const PickleValue& id = pop();
    check(id, Kind::tuple);
    check_arguments(id.items, {Kind::text, Kind::global, Kind::text, Kind::text, Kind::integer},
                    "a persistent id");
    const PickleValue& type = *id.items[1];
    if (id.items[0]->text != "storage" || type.global->kind != TorchGlobal::Kind::storage) {
      wrong("expected the persistent id of a storage, found one of {} and {}", printable(id.items[0]->text),
            type.global->name);
    }
    push(Kind::storage).items = {id.items[1], id.items[2], id.items[4]};
  }

  /// Attributes of a dictionary, such as the versions that a module's state_dict() has in _metadata.
  void build() {
    check(pop(), Kind::dict);
    check(top(), Kind::dict);
  }

  const std::string& file_;
  ByteReader reader_;
  std::size_t at_ = 0;  // of the instruction
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::vector<PickleValue*> memo_;
  Pickle pickle_;
};

constexpr std::array<Machine::Instruction, 256> Machine::instructions() {
  std::array<Instruction, 256> table{};
  table[0x80] = &Machine::protocol;
  table[0x95] = &Machine::frame;
  table['.'] = &Machine::stop;
  table['('] = &Machine::mark;
  table['N'] = &Machine::empty<Kind::none>;
  table[0x88] = &Machine::boolean<true>;
  table[0x89] = &Machine::boolean<false>;
  table['K'] = &Machine::small_integer<1>;
  table['M'] = &Machine::small_integer<2>;
  table['J'] = &Machine::int32;
  table[0x8a] = &Machine::long_integer;
  table['G'] = &Machine::real;
  table[0x8c] = &Machine::text<1>;
  table['X'] = &Machine::text<4>;
  table[0x8d] = &Machine::text<8>;
  table[')'] = &Machine::empty<Kind::tuple>;
  table[0x85] = &Machine::small_tuple<1>;
  table[0x86] = &Machine::small_tuple<2>;
  table[0x87] = &Machine::small_tuple<3>;
  table['t'] = &Machine::tuple;
  table[']'] = &Machine::empty<Kind::list>;
  table['a'] = &Machine::append;
  table['e'] = &Machine::append_marked;
  table['}'] = &Machine::empty<Kind::dict>;
  table['s'] = &Machine::set_item;
  table['u'] = &Machine::set_marked;
  table['q'] = &Machine::put<1>;
  table['r'] = &Machine::put<4>;
  table[0x94] = &Machine::memoize;
  table['h'] = &Machine::get<1>;
  table['j'] = &Machine::get<4>;
  table['c'] = &Machine::global;
  table[0x93] = &Machine::global_on_stack;
  table['R'] = &Machine::call;
  table['Q'] = &Machine::persistent;
  table['b'] = &Machine::build;
  return table;
}

constexpr std::array<Machine::Instruction, 256> Machine::kInstructions = Machine::instructions();

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() > kLargestPickle) {
    fail("{}: pickle: expected at most {}, found {}", file, human_bytes(static_cast<double>(kLargestPickle)),
         human_bytes(static_cast<double>(bytes.size())));
  }
  return Machine(bytes, file).run();
}

}  // namespace tramontane
