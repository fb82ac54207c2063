// The command line: which verb, with which options; the parser is made from the table for the one verb that was chosen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "supervisor/ofctl/verb_table.hpp"

namespace of::ofctl {

/// What the first words of a command line name; options of every verb may stand before and between them.
struct FoundVerb {
    const Verb* verb = nullptr;
    std::string group;                ///< "shm", of "ofctl shm" too
    std::string unknown;              ///< a word that is no verb
    std::vector<std::string> rest;    ///< everything else, as far as the unknown word
    std::vector<std::string> behind;  ///< what follows the unknown word
};
FoundVerb find_verb_in(const std::vector<std::string>& arguments);

/// What `work` returns; an exception that nobody caught is a fault of ofctl, which is told, and ends with 70.
int guarded(const std::function<int()>& work);

/// Runs what a command line asks for; its exit code. `arguments` is without the program's name.
int run(const std::vector<std::string>& arguments);

}  // namespace of::ofctl
