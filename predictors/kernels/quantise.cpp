// A row of activations becomes levels of uint8 and a scale. Compiled without contraction of products and sums: the
// levels are to the bit those of Add, Mul, Abs, ReduceMax, Max, Div and QuantizeLinear.
#include "quantise.h"

namespace VERIAIDPO_SET {

namespace {

constexpr float kTie = 0.5f - 1e-4f;
constexpr float kLargest = 1e30f;
constexpr size_t kBlock = 8 * kWide;

// Through two divisions, as the operators do it.
template <class Size>
inline void divided(const Floats& even, float scale, const Levels& how, uint8_t* to, Size size) {
  const Floats lowest = all(float(-how.zero)), highest = all(float(255 - how.zero));
  const Floats level = rounded(smaller(larger(even / scale / how.unit, lowest), highest));
  store(to, __builtin_convertvector(__builtin_convertvector(level, Ints) + how.zero, Bytes), size);
}

// Levels through a product with the reciprocal; tells which are so near the middle between two that it may be the other.
template <class Size>
inline Ints multiplied(const Floats& even, float reciprocal, const Levels& how, uint8_t* to, Size size) {
  const Floats lowest = all(float(-how.zero)), highest = all(float(255 - how.zero));
  const Floats product = smaller(larger(even * reciprocal, lowest), highest);
  const Floats level = rounded(product);
  store(to, __builtin_convertvector(__builtin_convertvector(level, Ints) + how.zero, Bytes), size);
  return magnitude(product - level) > kTie;
}

}  // namespace

float quantise(const float* x, size_t width, const Levels& how, uint8_t* levels) {
  // Compared as whole numbers, positive numbers have the same order, and what is not a number comes last: it stays.
  Ints most = {};
  Floats unsound = {};
  auto even = [&](size_t n, auto size) {
    const Floats from = load(x + n, size);
    return (how.raised != 0 ? from + how.raised : from) * load(how.multiplier + n, size);
  };
  if (how.raised != 0)
    sweep(width, [&](size_t n, auto size) {
      const Floats e = even(n, size);
      most = bits(e) > most ? bits(e) : most;
      unsound += e - e;
    });
  else
    sweep(width, [&](size_t n, auto size) {
      const Ints e = bits(magnitude(even(n, size)));
      most = e > most ? e : most;
    });
  int32_t found = 0;
  for (size_t n = 0; n < kWide; ++n) found = most[n] > found ? most[n] : found;
  float scale;
  std::memcpy(&scale, &found, sizeof scale);
  scale = (scale < how.least ? how.least : scale) + (how.raised != 0 ? sum(unsound) : 0);

  if (!(scale < kLargest)) {  // its reciprocal would not be exact enough
    sweep(width, [&](size_t n, auto size) { divided(even(n, size), scale, how, levels + n, size); });
    return scale;
  }
  // A product with the reciprocal is within 5 units of the last place of the quotient, which is 8e-5 at level 255: the
  // level is another one only where the product is that close to the middle between two. Such blocks are divided.
  const float reciprocal = 1 / scale / how.unit;
  for (size_t begin = 0; begin < width; begin += kBlock) {
    const size_t block = width - begin < kBlock ? width - begin : kBlock;
    Ints near = {};
    sweep(block, [&](size_t n, auto size) {
      near |= multiplied(even(begin + n, size), reciprocal, how, levels + begin + n, size);
    });
    if (__builtin_expect(any(near), 0))
      sweep(block, [&](size_t n, auto size) { divided(even(begin + n, size), scale, how, levels + begin + n, size); });
  }
  return scale;
}

}  // namespace VERIAIDPO_SET
