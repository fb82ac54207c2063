// The configuration as people and programs look at it: what is in force and where it comes from, what a changed file
// would do, which keys there are. Asks each worker program for the keys that it owns. Prints, and gives back the exit
// code; nothing of a running instance is touched.
#pragma once

#include <string>

namespace of::supervisor {

struct ViewOptions {
    std::string path;       ///< of the file
    int text = -1;          ///< descriptor of the text to take for it; for diff: of the text in force
    std::string key;        ///< of explain: SECTION.KEY, KEY or SECTION
    bool only_set = false;  ///< of show: without defaults
    bool json = false;
};

/// Each key with its value and its line, or that it is the default. The text form is a configuration file itself.
int show_config(const ViewOptions& options);
/// Keys that differ between the text in force and the file, and what a reload would do: 1 when it would refuse.
int diff_config(const ViewOptions& options);
/// Every section and key: type, default, bounds, meaning. As JSON a JSON Schema of the file.
int config_schema(const ViewOptions& options);
/// One key, or the keys of one section; 4 when there is none.
int explain_config(const ViewOptions& options);

}  // namespace of::supervisor
