// Vectors as wide as the instruction set that this file is compiled for has them, in the compilers' own notation
// (GCC and Clang). VERIAIDPO_SET names the set: what is compiled several times has to have several names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace VERIAIDPO_SET {

#if defined(__AVX512F__)
constexpr size_t kWide = 16;
#elif defined(__AVX2__)
constexpr size_t kWide = 8;
#else
constexpr size_t kWide = 4;
#endif

typedef float Floats __attribute__((vector_size(kWide * 4)));
typedef int32_t Ints __attribute__((vector_size(kWide * 4)));
typedef uint8_t Bytes __attribute__((vector_size(kWide)));

// How much of a vector there is at the end of a row: all of it, or its first lanes, with 0 in the others.
struct Whole {};
struct Part {
  size_t lanes;
};

inline size_t lanes(Whole) { return kWide; }
inline size_t lanes(Part part) { return part.lanes; }

inline Floats load(const float* from, Whole) {
  Floats found;
  std::memcpy(&found, from, sizeof found);
  return found;
}

inline Floats load(const float* from, Part part) {
  Floats found = {};
  std::memcpy(&found, from, part.lanes * sizeof(float));
  return found;
}

inline void store(float* to, const Floats& x, Whole) { std::memcpy(to, &x, sizeof x); }
inline void store(float* to, const Floats& x, Part part) { std::memcpy(to, &x, part.lanes * sizeof(float)); }
inline void store(uint8_t* to, const Bytes& x, Whole) { std::memcpy(to, &x, sizeof x); }
inline void store(uint8_t* to, const Bytes& x, Part part) { std::memcpy(to, &x, part.lanes); }

inline Floats only(const Floats& x, Whole) { return x; }
inline Floats only(const Floats& x, Part part) {
  Floats found = {};
  std::memcpy(&found, &x, part.lanes * sizeof(float));
  return found;
}

inline Floats all(float x) { return x - Floats{}; }
inline Floats larger(const Floats& a, const Floats& b) { return a > b ? a : b; }
inline Floats smaller(const Floats& a, const Floats& b) { return a < b ? a : b; }
inline Ints bits(const Floats& x) { return (Ints)x; }
inline Floats number(const Ints& x) { return (Floats)x; }
inline Floats magnitude(const Floats& x) { return number(bits(x) & 0x7FFFFFFF); }

// To the nearest whole number, halves to the even one; right below 2^22, where a sum's last bit is worth one.
inline Floats rounded(const Floats& x) {
  constexpr float kShift = 12582912.0f;
  return (x + kShift) - kShift;
}

inline bool any(const Ints& x) {
  uint64_t found[sizeof x / 8], either = 0;
  std::memcpy(found, &x, sizeof x);
  for (uint64_t one : found) either |= one;
  return either != 0;
}

inline float sum(const Floats& x) {
  float found[kWide];
  std::memcpy(found, &x, sizeof found);
  for (size_t half = kWide / 2; half; half /= 2)
    for (size_t n = 0; n < half; ++n) found[n] += found[n + half];
  return found[0];
}

template <size_t Step, bool Upper, size_t... Lane>
inline Floats exchanged(const Floats& a, const Floats& b, std::index_sequence<Lane...>) {
  return __builtin_shufflevector(
      a, b, int((Lane & Step) ? kWide + Lane - (Upper ? 0 : Step) : Lane + (Upper ? Step : 0))...);
}

// Turns kWide vectors into as many others: lane n of vector m becomes lane m of vector n. Squares of one value, two,
// four ... change places.
template <size_t Step = 1>
inline __attribute__((always_inline)) void turn(Floats (&rows)[kWide]) {
  using Lanes = std::make_index_sequence<kWide>;
  for (size_t n = 0; n < kWide; ++n) {
    if (n & Step) continue;
    const Floats a = rows[n], b = rows[n + Step];
    rows[n] = exchanged<Step, false>(a, b, Lanes{});
    rows[n + Step] = exchanged<Step, true>(a, b, Lanes{});
  }
  if constexpr (Step * 2 < kWide) turn<Step * 2>(rows);
}

// Calls act(n, Whole or Part) for the vectors of a row of `width` values, n being where one begins.
template <class Act>
inline __attribute__((always_inline)) void sweep(size_t width, Act&& act) {
  size_t n = 0;
  for (; n + kWide <= width; n += kWide) act(n, Whole{});
  if (n < width) act(n, Part{width - n});
}

}  // namespace VERIAIDPO_SET
