#include "supervisor/autopsy/stacks.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "supervisor/autopsy/bundle.hpp"

namespace of::autopsy {
namespace {

constexpr int frames_max = 64;
constexpr size_t threads_max = 32;
constexpr size_t name_bytes_max = 240;

struct EndDwfl {
    void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
};
using Session = std::unique_ptr<Dwfl, EndDwfl>;

Session begin() {
    static char* debug_path = nullptr;
    static const Dwfl_Callbacks callbacks{.find_elf = dwfl_linux_proc_find_elf,
                                          .find_debuginfo = dwfl_standard_find_debuginfo,
                                          .section_address = dwfl_offline_section_address,
                                          .debuginfo_path = &debug_path};
    return Session(dwfl_begin(&callbacks));
}

std::string demangled(const char* name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                           std::free);
    std::string whole = text ? text.get() : name;
    if (whole.size() > name_bytes_max) whole.replace(name_bytes_max, std::string::npos, "...");
    return whole;
}

/// "function+0x12 (program)", as much of it as is known.
std::string place_of(Dwfl* dwfl, Dwarf_Addr address) {
    auto* module = dwfl_addrmodule(dwfl, address);
    if (module == nullptr) return "?";
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    const char* name = dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    const char* path = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    const auto file = std::filesystem::path(path == nullptr ? "?" : path).filename().string();
    auto text =
        name == nullptr ? fmt::format("? ({})", file) : fmt::format("{}+{:#x} ({})", demangled(name), offset, file);
    int line = 0;
    auto* source = dwfl_module_getsrc(module, address);
    const char* source_file =
        source == nullptr ? nullptr : dwfl_lineinfo(source, nullptr, &line, nullptr, nullptr, nullptr);
    if (source_file != nullptr)
        text += fmt::format(" at {}:{}", std::filesystem::path(source_file).filename().string(), line);
    return text;
}

struct Frames {
    Dwfl* dwfl;
    std::map<pid_t, std::string> waits;  ///< of each thread: where in the kernel
    std::string text;
    int count = 0;
};

int add_frame(Dwfl_Frame* frame, void* argument) {
    auto& frames = *static_cast<Frames*>(argument);
    Dwarf_Addr pc = 0;
    bool exact = false;
    if (!dwfl_frame_pc(frame, &pc, &exact)) return DWARF_CB_ABORT;
    // A return address lies behind its call, which may be the last instruction of its function.
    frames.text += fmt::format("#{:<2} {:#014x} {}\n", frames.count, pc, place_of(frames.dwfl, pc - (exact ? 0 : 1)));
    return ++frames.count < frames_max ? DWARF_CB_OK : DWARF_CB_ABORT;
}

std::string first_line_of(const std::string& path) {
    const auto text = read_text(path);
    return text.substr(0, text.find('\n'));
}

int add_thread(Dwfl_Thread* thread, void* argument) {
    auto& frames = *static_cast<Frames*>(argument);
    const auto folder = fmt::format("/proc/{}/task/{}/", dwfl_pid(dwfl_thread_dwfl(thread)), dwfl_thread_tid(thread));
    const auto& waits = frames.waits[dwfl_thread_tid(thread)];
    frames.text += fmt::format("thread {} ({}){}\n", dwfl_thread_tid(thread), first_line_of(folder + "comm"),
                               waits.empty() || waits == "0" ? "" : ", waits in " + waits);
    frames.count = 0;
    if (dwfl_thread_getframes(thread, add_frame, &frames) == -1 && frames.count == 0)
        frames.text += fmt::format("no frames: {}\n", dwfl_errmsg(-1));
    return DWARF_CB_OK;
}

/// Holds the threads of a process.
class Held {
  public:
    explicit Held(pid_t pid) {
        std::error_code error;
        std::filesystem::directory_iterator entry(fmt::format("/proc/{}/task", pid), error), end;
        for (; !error && entry != end && threads_.size() < threads_max; entry.increment(error))
            hold(static_cast<pid_t>(std::strtol(entry->path().filename().c_str(), nullptr, 10)));
    }
    Held(const Held&) = delete;
    ~Held() {
        for (const auto thread : threads_) ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
    }
    bool any() const { return !threads_.empty(); }
    int error() const { return error_; }
    /// Where each waited before it was held.
    const std::map<pid_t, std::string>& waits() const { return waits_; }

  private:
    void hold(pid_t thread) {
        waits_[thread] = first_line_of(fmt::format("/proc/{}/wchan", thread));
        if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
            error_ = errno;
            return;
        }
        threads_.push_back(thread);
        ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
        waitpid(thread, nullptr, __WALL);
    }
    std::vector<pid_t> threads_;
    std::map<pid_t, std::string> waits_;
    int error_ = 0;
};

// The crashed thread as libdw's callbacks see it; `argument` is the Crash.
pid_t next_thread(Dwfl*, void* argument, void** thread) {
    const bool first = *thread == nullptr;
    *thread = argument;
    return first ? static_cast<pid_t>(static_cast<const Crash*>(argument)->box.thread) : 0;
}

bool read_memory(Dwfl*, Dwarf_Addr address, Dwarf_Word* into, void* argument) {
    const auto& crash = *static_cast<const Crash*>(argument);
    const auto at = address - crash.box.stack_from;
    if (address < crash.box.stack_from || at + sizeof *into > crash.stack.size()) return false;
    std::memcpy(into, crash.stack.data() + at, sizeof *into);
    return true;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
    const auto& registers = static_cast<const Crash*>(argument)->box.registers;
    std::array<Dwarf_Word, shm::black_box_registers> words;
    std::ranges::copy(registers, words.begin());
    dwfl_thread_state_register_pc(thread, words.back());
    return dwfl_thread_state_registers(thread, 0, words.size(), words.data());
}

}  // namespace

std::string stack_of_process(pid_t pid) {
    const auto session = begin();
    auto* dwfl = session.get();
    // What takes long comes before: who is held cannot beat.
    const bool known =
        dwfl != nullptr && dwfl_linux_proc_report(dwfl, pid) == 0 && dwfl_report_end(dwfl, nullptr, nullptr) == 0;
    const Held held(pid);
    if (!held.any()) return fmt::format("the stack is not to be had: {}\n", std::strerror(held.error()));
    if (!known || dwfl_linux_proc_attach(dwfl, pid, true) != 0)
        return fmt::format("the stack is not to be had: {}\n", dwfl_errmsg(-1));
    Frames frames{dwfl, held.waits(), {}};
    if (dwfl_getthreads(dwfl, add_thread, &frames) != 0) frames.text += fmt::format("cut: {}\n", dwfl_errmsg(-1));
    return frames.text;
}

std::string stack_of_crash(const Crash& crash) {
    static const Dwfl_Thread_Callbacks callbacks{.next_thread = next_thread,
                                                 .get_thread = nullptr,
                                                 .memory_read = read_memory,
                                                 .set_initial_registers = set_registers,
                                                 .detach = nullptr,
                                                 .thread_detach = nullptr};
    auto maps = crash.maps;
    const std::unique_ptr<FILE, decltype(&std::fclose)> file(fmemopen(maps.data(), maps.size(), "r"), std::fclose);
    const auto session = begin();
    auto* dwfl = session.get();
    const auto thread = static_cast<pid_t>(crash.box.thread);
    auto* argument = const_cast<Crash*>(&crash);
    if (dwfl == nullptr || !file || dwfl_linux_proc_maps_report(dwfl, file.get()) != 0 ||
        dwfl_report_end(dwfl, nullptr, nullptr) != 0 || !dwfl_attach_state(dwfl, nullptr, thread, &callbacks, argument))
        return fmt::format("the stack is not to be had: {}\n", dwfl_errmsg(-1));
    Frames frames{dwfl, {}, {}};
    dwfl_getthread_frames(dwfl, thread, add_frame, &frames);
    if (frames.count == 0) frames.text = fmt::format("no frames: {}\n", dwfl_errmsg(-1));
    return frames.text;
}

}  // namespace of::autopsy
