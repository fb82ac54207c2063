// The oldest part of the sandbox: no privilege is kept, and none can be had again by executing something.
#pragma once

#include "shm/error.hpp"

namespace of {

/// Sets no_new_privs; empties the ambient, inheritable, permitted and effective sets, and the bounding set where that
/// is allowed. A process of uid 0 keeps its uid: files of root are its own, everybody else's rights bind it.
Expected<void> drop_privileges();

}  // namespace of
