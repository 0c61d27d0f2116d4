#include "activate.h"
#include "attend.h"
#include "quantise.h"

#define NAME_OF(set) NAME(set)
#define NAME(set) #set

namespace VERIAIDPO_SET {

extern const Kernels kernels = {NAME_OF(VERIAIDPO_SET), quantise, activate, normalise, room, attend};

}  // namespace VERIAIDPO_SET
