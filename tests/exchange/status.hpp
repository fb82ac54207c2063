// The status object of the control API: everything that the stand-in has played, sent, answered and spoilt.
#pragma once

#include <string>

#include "tests/exchange/exchange.hpp"

namespace of::exchange {

std::string print_status(Exchange& exchange);

}  // namespace of::exchange
