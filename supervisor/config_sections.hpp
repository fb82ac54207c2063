// The keys of the configuration file that the supervisor owns, with their defaults, bounds and help.
#pragma once

#include <span>
#include <string>

#include "proto/settings.hpp"

namespace of::supervisor {

std::span<const settings::Section> config_sections();

/// Those of [breaker], which the workers get in one option.
std::span<const settings::Key> breaker_rules();

/// The supervisor's sections as documentation.
std::string describe_config();

}  // namespace of::supervisor
