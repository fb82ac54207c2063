// ofctl: looks at an instance, and asks its supervisor for what is to change. OFCTL.md is its page.
#include <unistd.h>

#include <csignal>
#include <new>

#include "supervisor/ofctl/command_line.hpp"

int main(int argc, char** argv) {
    std::set_new_handler([] {  // nothing can be put together any more, a message least of all
        constexpr std::string_view words = "ofctl: out of memory\n";
        [[maybe_unused]] const auto bytes = write(STDERR_FILENO, words.data(), words.size());
        _exit(of::code(of::ExitCode::failed));
    });
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away ends us quietly, see put()
    return of::ofctl::run({argv + 1, argv + argc});
}
