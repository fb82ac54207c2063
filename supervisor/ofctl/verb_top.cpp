// ofctl top: an instance live on the screen; as plain tables where there is no terminal. The drawing is top_screen's,
// the looking top_look's; here are the keys.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/terminal.hpp"
#include "supervisor/ofctl/top_json.hpp"
#include "supervisor/ofctl/top_look.hpp"

namespace of::ofctl {
namespace {

using Panel = TopUi::Panel;
using std::chrono::milliseconds;

/// The second look comes soon: the first one has no rates.
constexpr auto first_rates_after = milliseconds(300);

class TopScreen {
  public:
    TopScreen(const Options& options, TopView first, Terminal terminal)
        : options_(options), look_(options), view_(std::move(first)), terminal_(std::move(terminal)) {
        ui_.interval_s = options.interval_s;
        ui_.colour = !toned("", Tone::good).empty();
    }

    int run() {
        look();
        auto next = mono_now() + first_rates_after.count() * 1'000'000;
        for (uint64_t shown = 1; !ended_;) {
            terminal_.show(draw_top(view_, ui_, terminal_.size()));
            const auto left_ms = std::max<int64_t>((next - mono_now()) / 1'000'000, 0);
            const auto event = terminal_.wait(ui_.paused ? milliseconds(-1) : milliseconds(left_ms));
            if (event.ended_by != 0) return 128 + event.ended_by;
            ended_ = event.closed;
            for (const auto& press : event.keys) handle(press);
            if (ui_.paused || mono_now() < next) continue;
            if (options_.count != 0 && shown++ == options_.count) break;
            look();
            next = mono_now() + static_cast<int64_t>(options_.interval_s * 1e9);
        }
        return code(ExitCode::ok);
    }

  private:
    std::string chosen() const { return ui_.chosen < view_.workers.size() ? view_.workers[ui_.chosen].name : ""; }

    /// What was last seen stays on the screen when there is nothing to see any more.
    void look() {
        auto taken = look_.take(ui_.panel == Panel::logs ? chosen() : "");
        if (taken) {
            view_ = std::move(*taken);
            ui_.chosen = std::min(ui_.chosen, view_.workers.empty() ? 0 : view_.workers.size() - 1);
        } else {
            view_.supervisor = "the instance is no longer there; this is what was seen last";
            view_.tone = Tone::bad;
        }
    }

    void handle(const KeyPress& press) {
        if (!ui_.question.empty()) return answer(press);
        ui_.notice.clear();
        switch (press.key) {
            case Key::up:
                return choose(ui_.chosen == 0 ? 0 : ui_.chosen - 1);
            case Key::down:
                return choose(ui_.chosen + 1);
            case Key::escape:
                return open(Panel::overview);
            case Key::space:
                ui_.paused = !ui_.paused;
                return;
            case Key::other:
                return handle_letter(press.letter);
            case Key::none:
                return;
        }
    }

    void handle_letter(char letter) {
        if (letter == 'q' || letter == 'Q') ended_ = true;
        if (letter == 'k') choose(ui_.chosen == 0 ? 0 : ui_.chosen - 1);
        if (letter == 'j') choose(ui_.chosen + 1);
        if (letter == 'l') open(Panel::logs);
        if (letter == 'b') open(Panel::breakers);
        if (letter == 'h' || letter == '?') open(Panel::help);
        if (chosen().empty()) return;
        const bool stopped = view_.workers[ui_.chosen].stopped;
        if (letter == 'r') ask(stopped ? "start" : "restart", stopped ? "start" : "restart");
        if (letter == 'd') ask("stop", "drain and stop");
    }

    void choose(size_t worker) {
        if (view_.workers.empty()) return;
        ui_.chosen = std::min(worker, view_.workers.size() - 1);
        if (ui_.panel == Panel::logs) look();
    }
    /// The same key closes it again.
    void open(Panel panel) {
        ui_.panel = ui_.panel == panel ? Panel::overview : panel;
        if (ui_.panel == Panel::logs) look();
    }

    void ask(const std::string& verb, const std::string& words) {
        wish_ = fmt::format("{} {} from ofctl top", verb, chosen());
        ui_.question = fmt::format("{} {}?", words, chosen());
    }
    void answer(const KeyPress& press) {
        ui_.question.clear();
        if (press.letter != 'y' && press.letter != 'Y') return;
        const auto told = request(options_, wish_);
        ui_.notice = told ? told->text : told.error().message;
    }

    const Options& options_;
    TopLook look_;
    TopView view_;
    Terminal terminal_;
    TopUi ui_;
    std::string wish_;  ///< what is sent when the question is answered with yes
    bool ended_ = false;
};

/// Tables one after another. The first waits for its rates, unless nothing can move.
int list(const Options& options) {
    TopLook look(options);
    const bool endless = options.batch && options.count == 0;
    const auto wait = [&] { poll(nullptr, 0, static_cast<int>(options.interval_s * 1000)); };
    auto view = look.take("");
    if (!view) return refuse(options, view.error());
    if (view->tone != Tone::bad && !options.source.copied()) {
        wait();
        view = look.take("");
    }
    for (uint64_t shown = 1; view; ++shown) {
        if (options.json) put_line(json_of(*view));
        if (!options.json)
            for (const auto& line : list_top(*view, !toned("", Tone::good).empty())) put(line + "\n");
        if (!endless && shown >= options.count) break;
        if (!options.json) put("\n");
        flush_output();
        wait();
        view = look.take("");
    }
    flush_output();
    return view ? code(ExitCode::ok) : refuse(options, view.error());
}

}  // namespace

int top(const Options& options) {
    const bool screen = !options.batch && !options.json && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    if (!screen) return list(options);
    auto first = TopLook(options).take("");
    if (!first) return refuse(options, first.error());
    auto terminal = Terminal::open();
    if (!terminal) return refuse(options, terminal.error());
    return TopScreen(options, std::move(*first), std::move(*terminal)).run();
}

}  // namespace of::ofctl
