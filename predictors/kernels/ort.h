// The few entries of ONNX Runtime's C interface that the operators call.
//
// ONNX Runtime promises that an entry keeps its place in OrtApi for ever and that new ones come after it, so that a
// place and a signature are all there is to know of one. They are those of version 17 of the interface (ONNX Runtime
// 1.17); a library that does not offer this version is refused when it loads the operators. Written by hand, because
// neither the wheel nor a package of an index that is used here brings the header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ort {

constexpr uint32_t kVersion = 17;

struct Status;
struct Value;
struct Shape;
struct SessionOptions;
struct Domain;
struct KernelInfo;
struct KernelContext;

struct Api {
  const void* entries[276];  // as many as there are in version 17
};

struct ApiBase {
  const Api* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

enum ElementType { kFloat = 1, kUint8 = 2 };
enum Presence { kRequired = 0, kOptional = 1 };
enum ErrorCode { kFail = 1, kInvalidArgument = 2 };

// What ONNX Runtime asks of an operator. It looks at no field that version 17 does not have.
struct CustomOp {
  uint32_t version;
  void* (*CreateKernel)(const CustomOp*, const Api*, const KernelInfo*);
  const char* (*GetName)(const CustomOp*);
  const char* (*GetExecutionProviderType)(const CustomOp*);
  int (*GetInputType)(const CustomOp*, size_t);
  size_t (*GetInputTypeCount)(const CustomOp*);
  int (*GetOutputType)(const CustomOp*, size_t);
  size_t (*GetOutputTypeCount)(const CustomOp*);
  void (*KernelCompute)(void*, KernelContext*);
  void (*KernelDestroy)(void*);
  int (*GetInputCharacteristic)(const CustomOp*, size_t);
  int (*GetOutputCharacteristic)(const CustomOp*, size_t);
  int (*GetInputMemoryType)(const CustomOp*, size_t);
  int (*GetVariadicInputMinArity)(const CustomOp*);
  int (*GetVariadicInputHomogeneity)(const CustomOp*);
  int (*GetVariadicOutputMinArity)(const CustomOp*);
  int (*GetVariadicOutputHomogeneity)(const CustomOp*);
  Status* (*CreateKernelV2)(const CustomOp*, const Api*, const KernelInfo*, void**);
  Status* (*KernelComputeV2)(void*, KernelContext*);
  Status* (*InferOutputShape)(const CustomOp*, void*);
  int (*GetStartVersion)(const CustomOp*);
  int (*GetEndVersion)(const CustomOp*);
};

template <class Signature>
Signature entry(const Api* api, size_t place) {
  return reinterpret_cast<Signature>(const_cast<void*>(api->entries[place]));
}

inline Status* failure(const Api* api, ErrorCode code, const char* message) {
  return entry<Status* (*)(int, const char*)>(api, 0)(code, message);
}

inline Status* add_to_domain(const Api* api, Domain* domain, const CustomOp* op) {
  return entry<Status* (*)(Domain*, const CustomOp*)>(api, 27)(domain, op);
}

inline Status* make_domain(const Api* api, const char* name, Domain** domain) {
  return entry<Status* (*)(const char*, Domain**)>(api, 26)(name, domain);
}

inline Status* add_domain(const Api* api, SessionOptions* options, Domain* domain) {
  return entry<Status* (*)(SessionOptions*, Domain*)>(api, 28)(options, domain);
}

inline Status* data_of(const Api* api, Value* value, void** data) {
  return entry<Status* (*)(Value*, void**)>(api, 51)(value, data);
}

inline Status* rank_of(const Api* api, const Shape* shape, size_t* rank) {
  return entry<Status* (*)(const Shape*, size_t*)>(api, 61)(shape, rank);
}

inline Status* dimensions_of(const Api* api, const Shape* shape, int64_t* dimensions, size_t rank) {
  return entry<Status* (*)(const Shape*, int64_t*, size_t)>(api, 62)(shape, dimensions, rank);
}

inline Status* count_of(const Api* api, const Shape* shape, size_t* count) {
  return entry<Status* (*)(const Shape*, size_t*)>(api, 64)(shape, count);
}

inline Status* shape_of(const Api* api, const Value* value, Shape** shape) {
  return entry<Status* (*)(const Value*, Shape**)>(api, 65)(value, shape);
}

inline void release_shape(const Api* api, Shape* shape) { entry<void (*)(Shape*)>(api, 99)(shape); }

inline Status* attribute(const Api* api, const KernelInfo* info, const char* name, float* value) {
  return entry<Status* (*)(const KernelInfo*, const char*, float*)>(api, 85)(info, name, value);
}

inline Status* attribute(const Api* api, const KernelInfo* info, const char* name, int64_t* value) {
  return entry<Status* (*)(const KernelInfo*, const char*, int64_t*)>(api, 86)(info, name, value);
}

inline Status* input(const Api* api, const KernelContext* context, size_t number, const Value** value) {
  return entry<Status* (*)(const KernelContext*, size_t, const Value**)>(api, 90)(context, number, value);
}

inline Status* output(const Api* api, KernelContext* context, size_t number, const int64_t* dimensions, size_t rank,
                      Value** value) {
  return entry<Status* (*)(KernelContext*, size_t, const int64_t*, size_t, Value**)>(api, 91)(context, number,
                                                                                              dimensions, rank, value);
}

// Calls work(data, n) for each n below count, on the threads of the session, `batches` pieces at a time.
inline Status* parallel(const Api* api, const KernelContext* context, void (*work)(void*, size_t), size_t count,
                        size_t batches, void* data) {
  using Signature = Status* (*)(const KernelContext*, void (*)(void*, size_t), size_t, size_t, void*);
  return entry<Signature>(api, 274)(context, work, count, batches, data);
}

}  // namespace ort
