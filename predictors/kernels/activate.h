#pragma once

#include "rows.h"
#include "vectors.h"

namespace VERIAIDPO_SET {

void activate(const Scaled& from, size_t width, Activation how, float* out);
void normalise(const Scaled& from, const float* residual, size_t width, const Norm& norm, float* out);

}  // namespace VERIAIDPO_SET
