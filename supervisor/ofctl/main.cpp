// ofctl: looks at an instance, and asks its supervisor for what is to change. OFCTL.md is its page.
#include <csignal>

#include "supervisor/ofctl/command_line.hpp"

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away ends us quietly, see put()
    return of::ofctl::run({argv + 1, argv + argc});
}
