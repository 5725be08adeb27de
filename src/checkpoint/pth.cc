#include "checkpoint/pth.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "checkpoint/pickle.h"
#include "checkpoint/pickle_names.h"
#include "checkpoint/zip.h"
#include "core/fail.h"

// The format is torch/serialization.py's: the members NAME/data.pkl, NAME/byteorder, and NAME/data/KEY for
// each storage, where NAME is the file's first name or "archive".
namespace tramontane {
namespace {

using Bytes = std::span<const std::byte>;
using Kind = PickleValue::Kind;

constexpr std::string_view kPickleName = "/data.pkl";

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// What people have under the same name, from before the zip format.
void refuse_old_formats(Bytes bytes, const std::string& file) {
  constexpr const char* kAdvice =
      "{}: expected the zip format of torch.save, found {}: load it with torch.load and save it again with "
      "torch.save of PyTorch 1.6 or later";
  constexpr std::string_view kLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  constexpr std::size_t kTarMagicAt = 257;
  const std::string_view text = text_of(bytes);
  if (text.size() > 2 && text[0] == '\x80' && text.substr(2).starts_with(kLegacyMagic)) {
    fail(kAdvice, file, "the format before PyTorch 1.6");
  }
  if (text.size() > kTarMagicAt && text.substr(kTarMagicAt).starts_with("ustar")) {
    fail(kAdvice, file, "a tar archive, the format before PyTorch 0.1.10");
  }
}

class Archive {
 public:
  Archive(Bytes bytes, const std::string& file) : file_(file) {
    for (const ZipMember& member : read_zip_directory(bytes, file)) members_.emplace(member.name, member);
    find_folder();
    if (find("constants.pkl") != nullptr) {
      fail("{}: expected a dictionary of tensors, found a TorchScript program", file);
    }
    if (const ZipMember* order = find("byteorder"); order != nullptr && text_of(stored(*order)) != "little") {
      fail("{}: expected little-endian data, found byteorder {}", file, printable(text_of(order->stored)));
    }
  }

  Bytes pickle() const { return stored(*find("data.pkl")); }

  /// Null: there is none.
  const ZipMember* storage(std::string_view key) const { return find(fmt::format("data/{}", key)); }

  Bytes stored(const ZipMember& member) const {
    if (!member.deflated) return member.stored;
    fail("{}: zip member {}: expected stored bytes, as torch.save writes them, found compressed ones", file_,
         printable(member.name));
  }

 private:
  void find_folder() {
    int found = 0;
    for (const auto& [name, member] : members_) {
      if (!name.ends_with(kPickleName)) continue;
      found++;
      folder_ = name.substr(0, name.size() - kPickleName.size() + 1);
    }
    if (found == 1) return;
    fail("{}: expected an archive by torch.save, with one member NAME/data.pkl, found {}", file_, found);
  }

  const ZipMember* find(std::string_view name) const {
    const auto at = members_.find(folder_ + std::string(name));
    return at == members_.end() ? nullptr : &at->second;
  }

  const std::string& file_;
  std::map<std::string, ZipMember> members_;
  std::string folder_;  // with the slash
};

Shape sizes_of(const PickleValue& tuple) {
  Shape sizes;
  for (const PickleValue* item : tuple.items) sizes.push_back(item->integer);
  return sizes;
}

/// Whether elements lie one after the other, in row-major order. The stride of a dimension of size 1 says
/// nothing.
bool is_row_major(const Shape& shape, const Shape& strides) {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];  // in range: the caller has checked the product
  }
  return true;
}

/// Turns one pickled tensor into a view, checking it against its storage.
class Viewer {
 public:
  Viewer(const Archive& archive, const std::string& file) : archive_(archive), file_(file) {}

  TensorView view(std::string_view name, const PickleValue& tensor) const {
    const PickleValue& storage = *tensor.items[0];
    const TorchGlobal& type = *storage.items[0]->global;
    TensorView view;
    view.name = name;
    view.file = file_;
    view.shape = sizes_of(*tensor.items[2]);
    set_dtype(view, type);
    const Bytes data = storage_bytes(view, storage, type.element_bytes);
    const auto bytes = bytes_of(view.shape, type.element_bytes);
    if (!bytes) wrong(view, "expected sizes that make sense, found {}", to_string(view.shape));
    check_strides(view, sizes_of(*tensor.items[3]));
    const std::int64_t offset = tensor.items[1]->integer;
    const auto elements = static_cast<std::int64_t>(data.size() / type.element_bytes);
    const auto wanted = static_cast<std::int64_t>(*bytes / type.element_bytes);
    if (offset < 0 || offset > elements || wanted > elements - offset) {
      wrong(view, "expected {} elements from {} within a storage of {}, found more", wanted, offset,
            elements);
    }
    view.bytes =
        data.subspan(static_cast<std::size_t>(offset) * type.element_bytes, static_cast<std::size_t>(*bytes));
    return view;
  }

 private:
  template <class... Args>
  [[noreturn]] void wrong(const TensorView& view, fmt::format_string<Args...> text, Args&&... args) const {
    fail("{}: tensor {}: {}", file_, printable(view.name), fmt::format(text, std::forward<Args>(args)...));
  }

  static void set_dtype(TensorView& view, const TorchGlobal& type) {
    for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
      if (name_of(dtype) == type.dtype) {
        view.dtype = dtype;
        return;
      }
    }
    view.other_dtype = type.dtype;
  }

  Bytes storage_bytes(const TensorView& view, const PickleValue& storage, std::size_t element_bytes) const {
    const std::string_view key = storage.items[1]->text;
    const ZipMember* member = archive_.storage(key);
    if (member == nullptr) wrong(view, "its storage {} is not in the archive", printable(key));
    const Bytes data = archive_.stored(*member);
    if (bytes_of({storage.items[2]->integer}, element_bytes) != data.size()) {
      wrong(view, "expected storage {} to have {} elements of {} bytes, found {} bytes", printable(key),
            storage.items[2]->integer, element_bytes, data.size());
    }
    return data;
  }

  void check_strides(const TensorView& view, const Shape& strides) const {
    const bool empty = std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end();
    if (strides.size() == view.shape.size() && (empty || is_row_major(view.shape, strides))) return;
    wrong(view,
          "expected row-major data, found sizes {} with strides {} (transposed or expanded: save "
          "tensor.contiguous() instead)",
          to_string(view.shape), to_string(strides));
  }

  const Archive& archive_;
  const std::string& file_;
};

bool has_tensors(const PickleValue& value) {
  if (value.kind != Kind::dict) return false;
  for (std::size_t i = 1; i < value.items.size(); i += 2) {
    if (value.items[i]->kind == Kind::tensor) return true;
  }
  return false;
}

/// The first value under `key`; null: there is none.
const PickleValue* find_value(const PickleValue& dict, std::string_view key) {
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    if (dict.items[i]->text == key) return dict.items[i + 1];
  }
  return nullptr;
}

const PickleValue& find_state_dict(const PickleValue& object, const std::string& file) {
  if (has_tensors(object)) return object;
  if (object.kind != Kind::dict) {
    fail("{}: expected a dictionary of tensors, found {}", file, describe(object.kind));
  }
  for (const std::string_view key : {"model", "state_dict"}) {
    const PickleValue* value = find_value(object, key);
    if (value != nullptr && has_tensors(*value)) return *value;
  }
  fail("{}: expected a dictionary of tensors, or one under 'model' or 'state_dict', found no tensors", file);
}

}  // namespace

std::vector<TensorView> read_pth(Bytes bytes, const std::string& file) {
  refuse_old_formats(bytes, file);
  const Archive archive(bytes, file);
  const Pickle pickle = read_pickle(archive.pickle(), file);
  const PickleValue& state_dict = find_state_dict(*pickle.top, file);
  const Viewer viewer(archive, file);
  std::vector<TensorView> tensors;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < state_dict.items.size(); i += 2) {
    const PickleValue& key = *state_dict.items[i];
    const PickleValue& value = *state_dict.items[i + 1];
    if (key.kind != Kind::text) fail("{}: expected tensors by name, found {}", file, describe(key.kind));
    if (value.kind != Kind::tensor) {
      fail("{}: {}: expected a tensor, found {}", file, printable(key.text), describe(value.kind));
    }
    if (!names.insert(key.text).second) fail("{}: tensor {} is there twice", file, printable(key.text));
    tensors.push_back(viewer.view(key.text, value));
  }
  return tensors;
}

}  // namespace tramontane
