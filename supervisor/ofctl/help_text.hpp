// The help, made from the table of verbs.
#pragma once

#include <string>

#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {

/// All verbs, or those of a group.
std::string overview(std::string_view group);
std::string help_of(const Verb& verb);
/// "ofctl kill [OPTIONS] WORKER...".
std::string usage_of(const Verb& verb);
/// "-n,--lines N".
std::string spelling_of(const OptionRow& row);

}  // namespace of::ofctl
