#pragma once

#include "rows.h"
#include "vectors.h"

namespace VERIAIDPO_SET {

// Writes the levels of a row, and gives its scale; a row with something that is not a number has no number for a scale.
float quantise(const float* x, size_t width, const Levels& how, uint8_t* levels);

}  // namespace VERIAIDPO_SET
