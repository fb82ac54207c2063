#include "tests/chaos/tracer.hpp"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/chaos/syscall_table.hpp"

namespace of::chaos {
namespace {

constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
constexpr int syscall_stop = SIGTRAP | 0x80;

pid_t process_of_thread(pid_t thread) {
    std::ifstream status(fmt::format("/proc/{}/status", thread));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Tgid:")) return static_cast<pid_t>(std::stol(line.substr(5)));
    }
    return thread;
}

std::string program_of(pid_t pid) {
    std::error_code gone;
    return std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), gone).filename().string();
}

/// Half as many bytes or vectors; whether there was anything to halve.
bool halve(user_regs_struct& registers) {
    if (registers.rdx < 2) return false;
    registers.rdx /= 2;
    return true;
}

}  // namespace

bool Tracer::run(char** argv) {
    int gate[2];
    if (pipe(gate) != 0) return false;
    command_ = fork();
    if (command_ == 0) {
        char word = 0;
        close(gate[1]);
        const bool traced = read(gate[0], &word, 1) == 1;
        close(gate[0]);
        if (traced) execvp(argv[0], argv);
        _exit(127);
    }
    close(gate[0]);
    threads_[command_] = {command_};
    processes_[command_] = {};
    const bool seized = command_ > 0 && ptrace(PTRACE_SEIZE, command_, nullptr, options) == 0;
    if (seized && write(gate[1], "x", 1) != 1) return false;
    close(gate[1]);
    return seized;
}

void Tracer::take(Order order) {
    if (order.at_start) return waiting_.push_back(std::move(order));
    for (auto& [pid, process] : processes_) {
        if (process.program != order.program || (process.strike && process.strike->thread != 0)) continue;
        if (process.strike) missed(process.strike->order);
        return arm(pid, process, std::move(order));
    }
    missed(order);
}

void Tracer::missed(const Order& order) {
    fmt::print("{} missed\n", order.id);
    std::fflush(stdout);
}

void Tracer::arm(pid_t pid, Process& process, Order order) {
    process.strike.emplace(Strike{std::move(order), 0, {}, 0});
    for (const auto& [thread, owner] : threads_) {
        if (owner.process == pid) ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    }
}

bool Tracer::poll() {
    int status = 0;
    for (pid_t thread = 0; (thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
        if (WIFSTOPPED(status)) {
            stopped(thread, status);
        } else {
            ended(thread, status);
        }
    }
    return !over_;
}

Tracer::Process& Tracer::process_of(pid_t thread) {
    const auto [found, is_new] = threads_.try_emplace(thread);
    if (is_new) found->second.process = process_of_thread(thread);
    const auto [process, is_first] = processes_.try_emplace(found->second.process);
    if (is_first) process->second.program = program_of(found->second.process);
    return process->second;
}

void Tracer::ended(pid_t thread, int status) {
    threads_.erase(thread);
    if (const auto found = processes_.find(thread); found != processes_.end()) {
        if (found->second.strike) missed(found->second.strike->order);
        processes_.erase(found);
    }
    if (thread != command_) return;
    status_ = status;
    over_ = true;
}

void Tracer::stopped(pid_t thread, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (signal == syscall_stop) return at_call(thread);
    process_of(thread);
    if (event == PTRACE_EVENT_EXEC) executed(thread);
    // A group that is stopped by a signal stays so until SIGCONT.
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
        return;
    }
    go_on(thread, event == 0 ? signal : 0);
}

void Tracer::executed(pid_t thread) {
    auto& process = process_of(thread);
    process.program = program_of(thread);
    const auto order = std::ranges::find(waiting_, process.program, &Order::program);
    if (order == waiting_.end()) return;
    process.strike.emplace(Strike{std::move(*order), 0, {}, 0});
    waiting_.erase(order);
}

void Tracer::at_call(pid_t thread) {
    auto& process = process_of(thread);
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info);
    if (process.strike && info.op == PTRACE_SYSCALL_INFO_ENTRY) enter(thread, process);
    if (process.strike && info.op == PTRACE_SYSCALL_INFO_EXIT) leave(thread, process);
    go_on(thread);
}

void Tracer::enter(pid_t thread, Process& process) {
    auto& strike = *process.strike;
    user_regs_struct registers{};
    if (strike.thread != 0 || ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    const auto call = static_cast<long>(registers.orig_rax);
    if (!strike.order.concerns(call) || strike.seen++ < strike.order.pass) return;
    const auto deed = strike.order.deed;
    const auto length = registers.rdx;
    if (deed == Deed::kill_before) {
        kill(thread, SIGKILL);
        return tell(thread, process, call);
    }
    const bool halves = deed == Deed::shorten || deed == Deed::tear;
    if (halves && !halve(registers)) return;  // the next one of them
    if (halves) strike.third_argument = length;
    // Every sandbox knows this call; one that does not exist would be judged by seccomp behind us.
    if (deed == Deed::error) registers.orig_rax = SYS_sched_yield;
    ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
    strike.thread = thread;
    fmt::print("{} hit {} {}\n", strike.order.id, threads_[thread].process, name_of_call(call));
    std::fflush(stdout);
}

void Tracer::leave(pid_t thread, Process& process) {
    auto& strike = *process.strike;
    if (strike.thread != thread) return;
    const auto deed = strike.order.deed;
    if (deed == Deed::kill_after || deed == Deed::tear) {
        kill(thread, SIGKILL);
    } else {
        user_regs_struct registers{};
        ptrace(PTRACE_GETREGS, thread, nullptr, &registers);
        if (strike.third_argument) registers.rdx = *strike.third_argument;
        if (deed == Deed::error)
            registers.rax = static_cast<unsigned long long>(-static_cast<long long>(strike.order.error));
        ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
    }
    process.strike.reset();
}

void Tracer::tell(pid_t thread, Process& process, long call) {
    fmt::print("{} hit {} {}\n", process.strike->order.id, threads_[thread].process, name_of_call(call));
    std::fflush(stdout);
    process.strike.reset();
}

void Tracer::go_on(pid_t thread, int signal) {
    const auto how = process_of(thread).strike ? PTRACE_SYSCALL : PTRACE_CONT;
    ptrace(how, thread, nullptr, signal);
}

}  // namespace of::chaos
