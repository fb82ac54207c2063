#include "supervisor/ofctl/plugin.hpp"

#include <unistd.h>

#include <cstdlib>

namespace of::ofctl {

void become_plugin(const std::string& name, const std::vector<std::string>& arguments, const Options& options) {
    if (name.find('/') != std::string::npos) return;
    if (!options.instance.empty()) setenv("ORDERFLOW_INSTANCE", options.instance.c_str(), 1);
    std::string program = "ofctl-" + name;
    auto words = arguments;
    std::vector<char*> pointers{program.data()};
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execvp(program.c_str(), pointers.data());
}

}  // namespace of::ofctl
