// A terminal as a screen: keys as they are pressed, the alternate screen, and signals as events.
//
// While one lives, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP and SIGWINCH are blocked and come out of wait(); the end
// of the object gives the terminal back as it was. Ctrl-Z gives it back as well, until the shell lets us go on.
#pragma once

#include <termios.h>

#include <chrono>
#include <csignal>
#include <string>

#include "shm/error.hpp"
#include "supervisor/ofctl/top_screen.hpp"

namespace of::ofctl {

enum class Key : uint8_t { none, up, down, escape, space, other };

struct KeyPress {
    Key key = Key::none;
    char letter = 0;  ///< of `other`
};

/// What the bytes that a terminal sent mean. A lone escape byte is the key; what is no known sequence is left out.
std::vector<KeyPress> keys_of(std::string_view bytes);

class Terminal {
  public:
    static Expected<Terminal> open();
    Terminal(Terminal&& other) noexcept;
    Terminal& operator=(Terminal&&) = delete;
    ~Terminal();

    ScreenSize size() const;
    /// Replaces what is on the screen.
    void show(const std::vector<std::string>& lines) const;

    struct Event {
        std::vector<KeyPress> keys;
        bool resized = false;
        int ended_by = 0;  ///< the signal that ends the program
        bool closed = false;
    };
    /// Until a key, a signal, or the time is over.
    Event wait(std::chrono::milliseconds limit);

  private:
    Terminal() = default;
    void enter() const;
    void leave() const;
    void stop_for_a_while(Event& event) const;

    termios usual_{};
    sigset_t usual_signals_{};
    int signals_ = -1;
};

}  // namespace of::ofctl
