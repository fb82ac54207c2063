// What of-binance needs once its rings are open: names, authorities, and TCP connections to the ports of its URLs. It
// writes no file, listens to nobody, and binds no port.
#pragma once

#include "workers/binance/config.hpp"
#include "workers/runtime/sandbox.hpp"

namespace of::binance {

SandboxRules sandbox_rules(const Config& config);

}  // namespace of::binance
