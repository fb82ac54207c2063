#include "supervisor/asking.hpp"

#include <boost/asio/buffer.hpp>
#include <csignal>

namespace of::supervisor {

namespace asio = boost::asio;

Asking::~Asking() {
    child_.signal(SIGKILL);
    if (output_.is_open()) output_.release();
    if (death_.is_open()) death_.release();
    if (child_.runs()) child_.reap();
}

Expected<void> Asking::begin(const SpawnSpec& spec, Answer answer, std::chrono::milliseconds limit) {
    answer_ = std::move(answer);
    if (auto spawned = child_.spawn(spec); !spawned) return spawned;
    output_.assign(child_.errors());
    death_.assign(child_.pidfd());
    timer_.expires_after(limit);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) child_.signal_group(SIGKILL);  // whoever of it still holds the pipe
    });
    read_more();
    return {};
}

/// To the end of what it has to say, and then to its own.
void Asking::read_more() {
    output_.async_read_some(asio::buffer(buffer_), [this](const boost::system::error_code& error, size_t bytes) {
        if (error == asio::error::operation_aborted) return;
        if (error) return wait_for_end();
        text_.append(buffer_.data(), std::min(bytes, output_bytes_max - std::min(text_.size(), output_bytes_max)));
        read_more();
    });
}

void Asking::wait_for_end() {
    death_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (error) return;
        if (!child_.ended()) return wait_for_end();
        timer_.cancel();
        output_.release();
        death_.release();
        const auto death = child_.reap();
        // The answer may end this object.
        const auto answer = std::move(answer_);
        const auto text = std::move(text_);
        answer(death.exit_code, text);
    });
}

}  // namespace of::supervisor
