#include "tramontane/output_parser.h"

#include <array>
#include <utility>

#include "chat/output_assembler.h"

namespace tramontane {
namespace {

constexpr std::string_view kMetaSpace = "\xe2\x96\x81";  // U+2581

}  // namespace

/// Text between two marks is a text of its own, encoded and so decoded on its own.
class OutputParser::Impl {
 public:
  Impl(Tokenizer tokenizer, const OutputParserOptions& options)
      : tokenizer_(std::move(tokenizer)),
        decoder_(tokenizer_),
        assembler_(options),
        starts_text_(!options.continues),
        spaces_texts_(tokenizer_.decode(tokenizer_.encode_text("a")).starts_with(' ')) {
    for (std::size_t i = 0; i < kMarkNames.size(); i++) marks_[i] = tokenizer_.control_id(kMarkNames[i]);
  }

  void push(TokenId id) {
    for (std::size_t i = 0; i < marks_.size(); i++) {
      if (id >= 0 && id == marks_[i]) return mark(static_cast<Mark>(i));
    }
    std::string text = decoder_.push(id);
    // The space that the tokenizer puts before every text.
    const bool spaced = starts_text_ && spaces_texts_ && tokenizer_.piece(id).starts_with(kMetaSpace);
    if (spaced && text.starts_with(' ')) text.erase(0, 1);
    starts_text_ = false;
    assembler_.text(text);
  }

  void finish() {
    assembler_.text(decoder_.finish());
    assembler_.finish();
  }

  OutputAssembler& assembler() { return assembler_; }

 private:
  void mark(Mark mark) {
    assembler_.text(decoder_.finish());
    assembler_.mark(mark);
    starts_text_ = true;
  }

  Tokenizer tokenizer_;
  StreamDecoder decoder_;
  OutputAssembler assembler_;
  std::array<TokenId, kMarkNames.size()> marks_ = {};  // -1: the vocabulary has none
  bool starts_text_;                                   // the next token is the first of a text
  bool spaces_texts_;  // the tokenizer puts a space before every text, as SentencePiece can
};

OutputParser::OutputParser(Tokenizer tokenizer, const OutputParserOptions& options)
    : impl_(std::make_unique<Impl>(std::move(tokenizer), options)) {}
OutputParser::OutputParser(OutputParser&&) noexcept = default;
OutputParser& OutputParser::operator=(OutputParser&&) noexcept = default;
OutputParser::~OutputParser() = default;

std::vector<OutputDelta> OutputParser::push(TokenId id) {
  impl_->push(id);
  return impl_->assembler().take_deltas();
}

std::vector<OutputDelta> OutputParser::finish() {
  impl_->finish();
  return impl_->assembler().take_deltas();
}

const ParsedOutput& OutputParser::output() const { return impl_->assembler().output(); }

}  // namespace tramontane
