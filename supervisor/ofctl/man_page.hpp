// Man pages, made from the table of verbs: ofctl(1) and ofctl-VERB(1), in the mdoc language.
#pragma once

#include <string>

#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {

/// "ofctl-shm-ls" of "shm ls".
std::string page_name_of(const Verb& verb);
std::string man_page_of(const Verb& verb);
std::string man_page_of_all();

}  // namespace of::ofctl
