// What is computed of a row of activations, once for each instruction set. Rows are float32 unless said otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

// How a row becomes levels: (x + raised) * multiplier, of which the largest is what a level is a fraction `unit` of.
struct Levels {
  const float* multiplier;
  float raised;  // 0: levels lie on both sides of `zero`
  float unit;
  float least;  // what the largest is at the least
  int zero;
};

// A row of an integer product, as it has to be read: product * scale - added + bias. `added` may be null.
struct Scaled {
  const float* product;
  const float* bias;
  const float* added;
  float scale;
};

struct Norm {
  const float* gain;
  const float* bias;
  float epsilon;
};

enum Activation { kNone = 0, kGelu = 1, kRelu = 2 };

// One head of attention: `queries` rows look at `keys` rows. Where each kind of row begins is its pointer, and from
// one row to the next are `stride` floats; scales have one value a row.
struct Head {
  const float *query, *key, *value;
  const float *query_bias, *key_bias, *value_bias;
  const float *query_scale, *key_scale;
  const float* bias;  // one for each key, added to its scores
  float factor;       // that queries are multiplied by
  size_t queries, keys, size, stride;
  float* out;
};

struct Kernels {
  const char* name;
  float (*quantise)(const float* x, size_t width, const Levels&, uint8_t* levels);
  void (*activate)(const Scaled&, size_t width, Activation, float* out);
  void (*normalise)(const Scaled&, const float* residual, size_t width, const Norm&, float* out);
  size_t (*room)(const Head&);                  // floats that `attend` needs to work in
  void (*attend)(const Head&, float* room);
};

namespace plain {
extern const Kernels kernels;
}
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
