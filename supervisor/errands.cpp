#include "supervisor/errands.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>

namespace of::supervisor {
namespace {

void close_files(Errand& errand) {
    for (const int file : errand.files) close(file);
    errand.files.clear();
}

}  // namespace

Errands::~Errands() {
    for (auto& errand : waiting_) close_files(errand);
}

bool Errands::add(Errand errand) {
    if (waiting_.size() >= waiting_max) {
        close_files(errand);
        return false;
    }
    waiting_.push_back(std::move(errand));
    if (waiting_.size() == 1) begin_next();
    return true;
}

/// Never from within the caller: a death is dealt with first.
void Errands::begin_next() {
    timer_.expires_after(waiting_.front().wait);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) begin();
    });
}

void Errands::begin() {
    auto& errand = waiting_.front();
    const auto ended = [this](int exit_code, const std::string& output) {
        asking_.reset();
        const auto answer = std::move(waiting_.front().answer);
        waiting_.pop_front();
        if (!waiting_.empty()) begin_next();
        answer(exit_code, output);
    };
    asking_.emplace(io_);
    const auto begun = asking_->begin(errand.spec, ended);
    close_files(errand);
    if (!begun) ended(-1, begun.error().message);
}

}  // namespace of::supervisor
