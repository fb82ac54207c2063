// What a changed configuration means for each process. Pure; the reload does it, `ofctl config diff` only says it.
#pragma once

#include <string>
#include <vector>

#include "supervisor/config.hpp"

namespace of::supervisor {

struct ReloadPlan {
    std::string fixed;  ///< a section or key that cannot change while the instance runs; empty: none has
    bool at_once = false;               ///< the supervisor's own sections have
    std::vector<ProcessKind> restarts;  ///< workers whose text or resources have

    bool restarts_kind(ProcessKind kind) const;
};

/// `changed`: dotted names of the sections that differ.
ReloadPlan plan_reload(const std::vector<std::string>& changed, const Config& before, const Config& after);

}  // namespace of::supervisor
