// The operators of the domain "veriaidpo", as ONNX Runtime sees them: what is read, checked, shared out among threads.
// What they compute of a row is in rows.h. predictors/veriaidpo_predictor/computing/fusing puts them into a graph.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "ort.h"
#include "rows.h"

namespace {

constexpr size_t kMostDimensions = 8;
constexpr size_t kWorthAThread = 1 << 16;  // values; waking a thread takes as long as some ten thousand

#if defined(__x86_64__)
// Whether the processor has all of these (of its leaf 7, and FMA), and the system keeps such wide registers.
bool has(unsigned features, unsigned registers) {
  unsigned eax, ebx, ecx, edx;
  constexpr unsigned kFma = 1u << 12, kSaves = 1u << 27;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & (kFma | kSaves)) != (kFma | kSaves)) return false;
  unsigned kept, upper;
  __asm__("xgetbv" : "=a"(kept), "=d"(upper) : "c"(0));
  if ((kept & registers) != registers || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  return (ebx & features) == features;
}

const Kernels& best() {
  constexpr unsigned kAvx2 = 1u << 3 | 1u << 5 | 1u << 8;                                  // and BMI, BMI 2
  constexpr unsigned kAvx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;      // F, DQ, CD, BW, VL
  const char* most = std::getenv("VERIAIDPO_KERNELS_SET");  // for tests: no more than this one
  auto may = [&](const Kernels& set) { return !most || !std::strcmp(most, set.name); };
  if (has(kAvx2 | kAvx512, 0xE6) && may(avx512::kernels)) return avx512::kernels;
  return has(kAvx2, 0x06) && may(avx2::kernels) ? avx2::kernels : plain::kernels;
}
#else
const Kernels& best() { return plain::kernels; }
#endif

const Kernels* found = nullptr;  // set before there is an operator

const Kernels& chosen() { return *found; }

// What a node was made with. An operator reads those that it has.
struct Node {
  const ort::Api* api;
  float raised, unit, least, epsilon, factor;
  int64_t zero, activation, heads;
};

struct Tensor {
  float* data = nullptr;
  int64_t dimensions[kMostDimensions] = {};
  size_t rank = 0, count = 0;

  size_t width() const { return rank ? size_t(dimensions[rank - 1]) : 0; }
  size_t rows() const { return width() ? count / width() : 0; }
};

// One call of a node. After the first thing that goes wrong nothing more happens, and `failed` says what it was.
class Call {
 public:
  ort::Status* failed = nullptr;

  Call(const Node& node, ort::KernelContext* context) : api_(node.api), context_(context) {}

  Tensor input(size_t number) {
    Tensor found;
    const ort::Value* value = nullptr;
    if (!ok(ort::input(api_, context_, number, &value)) || !value) return found;
    ort::Shape* shape = nullptr;
    if (!ok(ort::shape_of(api_, value, &shape))) return found;
    if (ok(ort::rank_of(api_, shape, &found.rank)) && must(found.rank <= kMostDimensions, "too many dimensions") &&
        ok(ort::dimensions_of(api_, shape, found.dimensions, found.rank)))
      ok(ort::count_of(api_, shape, &found.count));
    ort::release_shape(api_, shape);
    if (!failed) ok(ort::data_of(api_, const_cast<ort::Value*>(value), reinterpret_cast<void**>(&found.data)));
    return found;
  }

  // A constant for each column. Whatever else ONNX would broadcast is refused, and not taken for it.
  const float* vector(size_t number, size_t width) {
    const Tensor found = input(number);
    must(found.data && found.rank == 1 && found.count == width, "a constant has not one value for each column");
    return found.data;
  }

  // The same, but null where the node has no such input.
  const float* vector_if_any(size_t number, size_t width) {
    const Tensor found = input(number);
    must(!found.data || (found.rank == 1 && found.count == width), "a constant has not one value for each column");
    return found.data;
  }

  // What has the shape of `like`, but for the last dimension, which is `width`.
  const float* alike(size_t number, Tensor like, size_t width) {
    const Tensor found = input(number);
    if (like.rank) like.dimensions[like.rank - 1] = int64_t(width);
    bool same = found.rank == like.rank;
    for (size_t n = 0; same && n < like.rank; ++n) same = found.dimensions[n] == like.dimensions[n];
    must(same && (found.data || !found.count), "an input has another shape than the product it belongs to");
    return found.data;
  }

  // What hides keys: [batch, 1, 1, keys].
  const float* mask(size_t number, size_t batch, size_t keys) {
    Tensor whole;
    whole.rank = 4;
    whole.dimensions[0] = int64_t(batch);
    whole.dimensions[1] = whole.dimensions[2] = 1;
    return alike(number, whole, keys);
  }

  // An output of the shape of `like`, the last dimension being `width`.
  template <class T>
  T* output(size_t number, Tensor like, size_t width) {
    if (failed) return nullptr;
    if (like.rank) like.dimensions[like.rank - 1] = int64_t(width);
    ort::Value* value = nullptr;
    void* data = nullptr;
    if (ok(ort::output(api_, context_, number, like.dimensions, like.rank, &value)))
      ok(ort::data_of(api_, value, &data));
    return static_cast<T*>(data);
  }

  // Otherwise what is asked for is not one of these operators, and ONNX Runtime's own may well compute it:
  // computing/fusing/library.py looks for these words.
  bool must(bool holds, const char* otherwise) {
    if (failed || holds) return !failed;
    char message[128];
    std::snprintf(message, sizeof message, "veriaidpo has no such operator: %s", otherwise);
    failed = ort::failure(api_, ort::kInvalidArgument, message);
    return false;
  }

  void lacks_memory() { __atomic_store_n(&lacks_memory_, true, __ATOMIC_RELAXED); }  // on whatever thread

  ort::Status* finished() {
    if (!failed && lacks_memory_) failed = ort::failure(api_, ort::kFail, "there is no memory left");
    return failed;
  }

  // Calls act(n) for n below count, on several threads where `values`, computed in all, are worth it.
  template <class Act>
  void each(size_t count, size_t values, const Act& act) {
    struct Shared {
      const Act& act;
      size_t count, pieces;
    } shared{act, count, values / kWorthAThread};
    if (shared.pieces > count) shared.pieces = count;
    auto piece = [](void* data, size_t number) {
      const Shared& all = *static_cast<const Shared*>(data);
      for (size_t n = number * all.count / all.pieces; n < (number + 1) * all.count / all.pieces; ++n) all.act(n);
    };
    if (shared.pieces > 1)
      ok(ort::parallel(api_, context_, piece, shared.pieces, 0, &shared));
    else
      for (size_t n = 0; n < count; ++n) act(n);
  }

 private:
  bool ok(ort::Status* status) {
    if (status && !failed) failed = status;
    return !failed;
  }

  const ort::Api* api_;
  ort::KernelContext* context_;
  bool lacks_memory_ = false;
};

// Floats to work in, for as long as one row or head takes.
struct Room {
  float* const floats;

  Room(Call& call, size_t count) : floats(static_cast<float*>(std::malloc((count ? count : 1) * sizeof(float)))) {
    if (!floats) call.lacks_memory();
  }
  ~Room() { std::free(floats); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
};

Levels levels_of(const Node& node, const float* multiplier) {
  return {multiplier, node.raised, node.unit, node.least, int(node.zero)};
}

// x, multiplier -> levels, scale
ort::Status* row_quantise(const Node& node, ort::KernelContext* context) {
  Call call(node, context);
  const Tensor x = call.input(0);
  const size_t width = x.width();
  call.must(width, "rows of nothing");
  const Levels how = levels_of(node, call.vector(1, width));
  auto* levels = call.output<uint8_t>(0, x, width);
  auto* scale = call.output<float>(1, x, 1);
  if (call.failed) return call.failed;
  call.each(x.rows(), x.count, [&](size_t row) {
    scale[row] = chosen().quantise(x.data + row * width, width, how, levels + row * width);
  });
  return call.failed;
}

struct Product {
  Tensor values;
  const float *scale, *bias, *added;

  Scaled row(size_t number) const {
    return {values.data + number * values.width(), bias, added, scale[number]};
  }
};

// product, scale at the front; bias and added, where there are any, behind the others
Product product_of(Call& call, size_t others) {
  Product found{};
  found.values = call.input(0);
  call.must(found.values.width(), "rows of nothing");
  found.scale = call.alike(1, found.values, 1);
  found.bias = call.vector_if_any(2 + others, found.values.width());
  found.added = call.vector_if_any(3 + others, found.values.width());
  return found;
}

// product, scale, [bias, added] -> activated
ort::Status* scale_rows(const Node& node, ort::KernelContext* context) {
  Call call(node, context);
  const Product product = product_of(call, 0);
  const size_t width = product.values.width();
  auto* out = call.output<float>(0, product.values, width);
  if (call.failed) return call.failed;
  call.each(product.values.rows(), product.values.count, [&](size_t row) {
    chosen().activate(product.row(row), width, Activation(node.activation), out + row * width);
  });
  return call.failed;
}

// product, scale, multiplier, [bias, added] -> levels, scale
ort::Status* activate_and_quantise(const Node& node, ort::KernelContext* context) {
  Call call(node, context);
  const Product product = product_of(call, 1);
  const size_t width = product.values.width();
  const Levels how = levels_of(node, call.vector(2, width));
  auto* levels = call.output<uint8_t>(0, product.values, width);
  auto* scale = call.output<float>(1, product.values, 1);
  if (call.failed) return call.failed;
  call.each(product.values.rows(), product.values.count, [&](size_t row) {
    const Room activated(call, width);
    if (!activated.floats) return;
    chosen().activate(product.row(row), width, Activation(node.activation), activated.floats);
    scale[row] = chosen().quantise(activated.floats, width, how, levels + row * width);
  });
  return call.finished();
}

// product, scale, residual, gain, norm's bias, [bias, added] -> normed
// product, scale, residual, gain, norm's bias, multiplier, [bias, added] -> normed, levels, scale
template <bool quantises>
ort::Status* normalise(const Node& node, ort::KernelContext* context) {
  Call call(node, context);
  const Product product = product_of(call, quantises ? 4 : 3);
  const size_t width = product.values.width();
  const float* residual = call.alike(2, product.values, width);
  const Norm norm{call.vector(3, width), call.vector(4, width), node.epsilon};
  auto* out = call.output<float>(0, product.values, width);
  const Levels how = levels_of(node, quantises ? call.vector(5, width) : nullptr);
  auto* levels = quantises ? call.output<uint8_t>(1, product.values, width) : nullptr;
  auto* scale = quantises ? call.output<float>(2, product.values, 1) : nullptr;
  if (call.failed) return call.failed;
  call.each(product.values.rows(), product.values.count, [&](size_t row) {
    float* to = out + row * width;
    chosen().normalise(product.row(row), residual + row * width, width, norm, to);
    if (quantises) scale[row] = chosen().quantise(to, width, how, levels + row * width);
  });
  return call.failed;
}

// products of queries, keys, values; scales of queries, keys; biases of the three; mask [batch, 1, 1, keys] -> seen
ort::Status* attend(const Node& node, ort::KernelContext* context) {
  Call call(node, context);
  const Tensor query = call.input(0), key = call.input(1);
  const size_t width = query.width(), heads = size_t(node.heads);
  const bool fits = query.rank == 3 && key.rank == 3 && key.width() == width && heads && width % heads == 0 &&
                    key.dimensions[0] == query.dimensions[0];
  if (!call.must(fits, "queries and keys do not go together")) return call.failed;
  const size_t batch = size_t(query.dimensions[0]), queries = size_t(query.dimensions[1]),
               keys = size_t(key.dimensions[1]), size = width / heads;
  const float* value = call.alike(2, key, width);
  const float *query_scale = call.alike(3, query, 1), *key_scale = call.alike(4, key, 1);
  const float *query_bias = call.vector(5, width), *key_bias = call.vector(6, width),
              *value_bias = call.vector(7, width), *mask = call.mask(8, batch, keys);
  auto* out = call.output<float>(0, query, width);
  if (call.failed) return call.failed;
  const size_t all = batch * heads;
  call.each(all, all * (queries + keys) * (size + keys), [&](size_t number) {
    const size_t row = number / heads, column = number % heads * size;
    const size_t asked = row * queries * width + column, known = row * keys * width + column;
    const Head head{query.data + asked,       key.data + known,      value + known,       query_bias + column,
                    key_bias + column,        value_bias + column,   query_scale + row * queries,
                    key_scale + row * keys,   mask + row * keys,     node.factor,         queries,
                    keys,                     size,                  width,               out + asked};
    const Room room(call, chosen().room(head));
    if (room.floats) chosen().attend(head, room.floats);
  });
  return call.finished();
}

struct Operator : ort::CustomOp {
  const char* name;
  size_t inputs, optional;  // of them, at the end
  size_t outputs;
  int levels;  // which output is of uint8, and not of float32; -1: none
  ort::Status* (*compute)(const Node&, ort::KernelContext*);
};

const Operator& of(const ort::CustomOp* op) { return *static_cast<const Operator*>(op); }

struct Kernel : Node {
  ort::Status* (*compute)(const Node&, ort::KernelContext*);
};

ort::Status* create(const ort::CustomOp* op, const ort::Api* api, const ort::KernelInfo* info, void** made) {
  auto* kernel = static_cast<Kernel*>(std::calloc(1, sizeof(Kernel)));
  if (!kernel) return ort::failure(api, ort::kFail, "there is no memory left");
  kernel->api = api;
  kernel->compute = of(op).compute;
  ort::Status* failed = nullptr;
  auto read = [&](const char* name, auto* to) {
    if (!failed) failed = ort::attribute(api, info, name, to);
  };
  read("raised", &kernel->raised);
  read("unit", &kernel->unit);
  read("least", &kernel->least);
  read("epsilon", &kernel->epsilon);
  read("factor", &kernel->factor);
  read("zero", &kernel->zero);
  read("activation", &kernel->activation);
  read("heads", &kernel->heads);
  if (failed)
    std::free(kernel);
  else
    *made = kernel;
  return failed;
}

Operator made(const char* name, size_t inputs, size_t optional, size_t outputs, int levels,
              ort::Status* (*compute)(const Node&, ort::KernelContext*)) {
  Operator op{};
  op.version = ort::kVersion;
  op.GetName = [](const ort::CustomOp* op) { return of(op).name; };
  op.GetExecutionProviderType = [](const ort::CustomOp*) -> const char* { return "CPUExecutionProvider"; };
  op.GetInputType = [](const ort::CustomOp*, size_t) -> int { return ort::kFloat; };
  op.GetInputTypeCount = [](const ort::CustomOp* op) { return of(op).inputs; };
  op.GetOutputType = [](const ort::CustomOp* op, size_t number) -> int {
    return int(number) == of(op).levels ? ort::kUint8 : ort::kFloat;
  };
  op.GetOutputTypeCount = [](const ort::CustomOp* op) { return of(op).outputs; };
  op.KernelDestroy = [](void* kernel) { std::free(kernel); };
  op.GetInputCharacteristic = [](const ort::CustomOp* op, size_t number) -> int {
    return number + of(op).optional < of(op).inputs ? ort::kRequired : ort::kOptional;
  };
  op.GetOutputCharacteristic = [](const ort::CustomOp*, size_t) -> int { return ort::kRequired; };
  op.GetInputMemoryType = [](const ort::CustomOp*, size_t) { return 0; };
  op.GetVariadicInputMinArity = [](const ort::CustomOp*) { return 0; };
  op.GetVariadicInputHomogeneity = [](const ort::CustomOp*) { return 0; };
  op.GetVariadicOutputMinArity = [](const ort::CustomOp*) { return 0; };
  op.GetVariadicOutputHomogeneity = [](const ort::CustomOp*) { return 0; };
  op.CreateKernelV2 = create;
  op.KernelComputeV2 = [](void* kernel, ort::KernelContext* context) {
    return static_cast<Kernel*>(kernel)->compute(*static_cast<Kernel*>(kernel), context);
  };
  op.GetStartVersion = [](const ort::CustomOp*) { return 1; };
  op.GetEndVersion = [](const ort::CustomOp*) { return 1; };
  op.name = name;
  op.inputs = inputs;
  op.optional = optional;
  op.outputs = outputs;
  op.levels = levels;
  op.compute = compute;
  return op;
}

}  // namespace

// What ONNX Runtime calls when it loads the library.
extern "C" __attribute__((visibility("default"))) ort::Status* RegisterCustomOps(ort::SessionOptions* options,
                                                                                 const ort::ApiBase* base) {
  const ort::Api* api = base->GetApi(ort::kVersion);
  if (!api) return base->GetApi(1) ? ort::failure(base->GetApi(1), ort::kFail, "an older interface") : nullptr;
  found = &best();
  static const Operator operators[] = {
      made("RowQuantise", 2, 0, 2, 0, row_quantise),
      made("ScaleRows", 4, 2, 1, -1, scale_rows),
      made("ActivateAndQuantise", 5, 2, 2, 0, activate_and_quantise),
      made("Normalise", 7, 2, 1, -1, normalise<false>),
      made("NormaliseAndQuantise", 8, 2, 3, 1, normalise<true>),
      made("Attend", 9, 0, 1, -1, attend),
  };
  static ort::Domain* domain = nullptr;
  if (!domain) {  // Python's lock is held while a library is registered, so one thread at a time comes here
    ort::Domain* filled = nullptr;
    if (ort::Status* failed = ort::make_domain(api, "veriaidpo", &filled)) return failed;
    for (const Operator& op : operators)
      if (ort::Status* failed = ort::add_to_domain(api, filled, &op)) return failed;
    domain = filled;
  }
  return ort::add_domain(api, options, domain);
}
