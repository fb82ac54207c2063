// The section [postmortem] of the configuration.
#pragma once

#include <cstdint>

namespace of::supervisor {

struct PostMortemSettings {
    bool enabled = true;
    int64_t keep = 0;  ///< bundles
    int64_t total_mb = 0;
    int64_t bundle_mb = 0;
};

}  // namespace of::supervisor
