// Rows between an integer product and what comes after it: scale, bias, GELU, residual and layer norm in one go.
#include "activate.h"

namespace VERIAIDPO_SET {

namespace {

constexpr float kHalfRoot = 0.70710678118654752f;

template <class Size>
inline Floats read(const Scaled& from, size_t n, Size size) {
  Floats x = load(from.product + n, size) * from.scale;
  if (from.added) x -= load(from.added + n, size);
  if (from.bias) x += load(from.bias + n, size);
  return x;
}

// x * (1 + erf(x / sqrt 2)) / 2, where 1 - erf comes from a power of a polynomial (Abramowitz and Stegun, 7.1.28):
// at most 3e-7 off, and as much less in the result as x is below one.
inline Floats gelu(const Floats& x) {
  const Floats at = magnitude(x) * kHalfRoot;
  Floats p = at * 0.0000430638f + 0.0002765672f;
  p = p * at + 0.0001520143f;
  p = p * at + 0.0092705272f;
  p = p * at + 0.0422820123f;
  p = p * at + 0.0705230784f;
  p = p * at + 1.0f;
  p *= p;
  p *= p;
  p *= p;
  p *= p;
  return (x + magnitude(x)) * 0.5f - magnitude(x) * 0.5f / p;
}

}  // namespace

void activate(const Scaled& from, size_t width, Activation how, float* out) {
  switch (how) {
    case kNone:
      return sweep(width, [&](size_t n, auto size) { store(out + n, read(from, n, size), size); });
    case kGelu:
      return sweep(width, [&](size_t n, auto size) { store(out + n, gelu(read(from, n, size)), size); });
    case kRelu:  // NaN is neither above nor below, and stays
      return sweep(width, [&](size_t n, auto size) {
        const Floats x = read(from, n, size);
        store(out + n, x < 0 ? Floats{} : x, size);
      });
  }
}

void normalise(const Scaled& from, const float* residual, size_t width, const Norm& norm, float* out) {
  Floats total = {}, squares = {};
  sweep(width, [&](size_t n, auto size) {
    const Floats x = read(from, n, size) + load(residual + n, size);
    total += x;
    store(out + n, x, size);
  });
  const float mean = sum(total) / float(width);
  sweep(width, [&](size_t n, auto size) {
    const Floats x = only(load(out + n, size) - mean, size);
    squares += x * x;
  });
  const float deviation = 1 / __builtin_sqrtf(sum(squares) / float(width) + norm.epsilon);
  sweep(width, [&](size_t n, auto size) {
    const Floats x = (load(out + n, size) - mean) * deviation;
    store(out + n, x * load(norm.gain + n, size) + load(norm.bias + n, size), size);
  });
}

}  // namespace VERIAIDPO_SET
