// Attention of one head: its keys and values are laid out once, then a few queries at a time go through scores,
// softmax and the sum of values while all of that is in the nearest cache.
#include "attend.h"

namespace VERIAIDPO_SET {

namespace {

// As many rows and vectors as have their sums in registers.
constexpr size_t kRows = kWide == 16 ? 8 : 4;
constexpr size_t kVectors = 2;

constexpr float kLog2e = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
constexpr float kLeastPower = -87.0f;

inline size_t padded(size_t n) { return (n + kWide - 1) / kWide * kWide; }

// to = a @ b for kRows rows and `Count` vectors of columns; from one row to the next are the steps.
template <size_t Count>
inline void multiply(const float* a, size_t a_step, const float* b, size_t b_step, size_t inner, float* to,
                     size_t to_step) {
  Floats sums[kRows][Count] = {};
  for (size_t k = 0; k < inner; ++k) {
    Floats column[Count];
    for (size_t v = 0; v < Count; ++v) column[v] = load(b + k * b_step + v * kWide, Whole{});
    for (size_t r = 0; r < kRows; ++r)
      for (size_t v = 0; v < Count; ++v) sums[r][v] += column[v] * a[r * a_step + k];
  }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < Count; ++v) store(to + r * to_step + v * kWide, sums[r][v], Whole{});
}

inline void multiply(const float* a, size_t a_step, const float* b, size_t width, size_t inner, float* to) {
  size_t n = 0;
  for (; n + kVectors * kWide <= width; n += kVectors * kWide)
    multiply<kVectors>(a, a_step, b + n, width, inner, to + n, width);
  for (; n < width; n += kWide) multiply<1>(a, a_step, b + n, width, inner, to + n, width);
}

// e to the power of x, for x of 0 and less; 0 below the least.
inline Floats power(const Floats& x) {
  const Floats whole = rounded(x * kLog2e);
  const Floats rest = x - whole * kLn2High - whole * kLn2Low;
  Floats p = rest * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * rest + 8.3334519073e-3f;
  p = p * rest + 4.1665795894e-2f;
  p = p * rest + 1.6666665459e-1f;
  p = p * rest + 5.0000001201e-1f;
  p = p * rest * rest + rest + 1.0f;
  const Ints two = (__builtin_convertvector(whole, Ints) + 127) << 23;
  return x < kLeastPower ? Floats{} : p * number(two);
}

// Turns scores into weights that are not divided by their sum yet; gives one by that sum.
inline float weigh(float* scores, const float* bias, size_t width) {
  Floats most = all(-__builtin_inff());
  for (size_t n = 0; n < width; n += kWide) {
    const Floats x = load(scores + n, Whole{}) + load(bias + n, Whole{});
    most = larger(x, most);
    store(scores + n, x, Whole{});
  }
  float largest = most[0];
  for (size_t n = 1; n < kWide; ++n) largest = most[n] > largest ? most[n] : largest;
  Floats total = {};
  for (size_t n = 0; n < width; n += kWide) {
    const Floats weight = power(load(scores + n, Whole{}) - largest);
    total += weight;
    store(scores + n, weight, Whole{});
  }
  return 1 / sum(total);
}

inline void place(const float* from, const float* bias, float scale, size_t size, float* to) {
  sweep(size, [&](size_t n, auto part) {
    store(to + n, load(from + n, part) * scale + load(bias + n, part), part);
  });
}

// Keys side by side: a vector of one of their values for several keys.
inline void turn_keys(const Head& head, size_t keys, float* to) {
  for (size_t k = 0; k < head.keys; k += kWide)
    sweep(head.size, [&](size_t n, auto part) {
      const Floats bias = load(head.key_bias + n, part);
      Floats square[kWide] = {};
      const size_t rows = head.keys - k < kWide ? head.keys - k : kWide;
      for (size_t r = 0; r < rows; ++r)
        square[r] = load(head.key + (k + r) * head.stride + n, part) * head.key_scale[k + r] + bias;
      turn(square);
      for (size_t r = 0; r < lanes(part); ++r) store(to + (n + r) * keys + k, square[r], Whole{});
    });
}

}  // namespace

size_t room(const Head& head) {
  const size_t keys = padded(head.keys), size = padded(head.size);
  return head.size * keys + head.keys * size + keys + kRows * (2 * size + keys);
}

void attend(const Head& head, float* room) {
  const size_t keys = padded(head.keys), size = padded(head.size);
  float* turned = room;                       // keys, [size, keys]
  float* values = turned + head.size * keys;  // [keys, size]
  float* bias = values + head.keys * size;
  float* queries = bias + keys;               // kRows of each of these
  float* seen = queries + kRows * size;
  float* scores = seen + kRows * size;
  // What pads values has to be 0, and rows that are not there must not be slow to multiply.
  if (size != head.size) std::memset(values, 0, head.keys * size * sizeof(float));
  std::memset(queries, 0, kRows * (2 * size + keys) * sizeof(float));
  turn_keys(head, keys, turned);
  for (size_t k = 0; k < head.keys; ++k)
    place(head.value + k * head.stride, head.value_bias, head.key_scale[k], head.size, values + k * size);
  for (size_t k = 0; k < keys; ++k) bias[k] = k < head.keys ? head.bias[k] : -__builtin_inff();

  for (size_t first = 0; first < head.queries; first += kRows) {
    const size_t rows = head.queries - first < kRows ? head.queries - first : kRows;
    for (size_t r = 0; r < rows; ++r) {
      float* to = queries + r * size;
      place(head.query + (first + r) * head.stride, head.query_bias, head.query_scale[first + r], head.size, to);
      for (size_t n = 0; n < head.size; ++n) to[n] *= head.factor;
    }
    multiply(queries, size, turned, keys, head.size, scores);
    float by_sum[kRows] = {};
    for (size_t r = 0; r < rows; ++r) by_sum[r] = weigh(scores + r * keys, bias, keys);
    multiply(scores, keys, values, size, head.keys, seen);
    for (size_t r = 0; r < rows; ++r)
      sweep(head.size, [&](size_t n, auto part) {
        store(head.out + (first + r) * head.stride + n, load(seen + r * size + n, part) * by_sum[r], part);
      });
  }
}

}  // namespace VERIAIDPO_SET
