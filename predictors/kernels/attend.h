#pragma once

#include "rows.h"
#include "vectors.h"

namespace VERIAIDPO_SET {

size_t room(const Head& head);
void attend(const Head& head, float* room);

}  // namespace VERIAIDPO_SET
