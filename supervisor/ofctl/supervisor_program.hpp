// The supervisor's program, run for what it alone can say: it knows the whole configuration file, and asks each
// worker's program for its part.
#pragma once

#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// Becomes `ofsupervisor ARGUMENTS`, with --json where that was asked for. It lies beside this program, or where the
/// build puts it. Returns only if there is none: the exit code.
int become_supervisor(const Options& options, std::vector<std::string> arguments);

}  // namespace of::ofctl
