// Verbs of others: `ofctl NAME` runs the program ofctl-NAME of $PATH when the table has no such verb, as git does. It gets
// the words that follow, and the instance in $ORDERFLOW_INSTANCE.
#pragma once

#include <string>
#include <vector>

#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// Becomes that program; returns only when there is none.
void become_plugin(const std::string& name, const std::vector<std::string>& arguments, const Options& options);

}  // namespace of::ofctl
