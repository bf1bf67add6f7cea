#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

extern char** environ;

namespace sluice::mqtt {

/// A program that the test started. Killed at the latest with this object.
class Child {
public:
    Child() = default;
    explicit Child(const std::vector<std::string>& command, const std::string& output = "/dev/null") {
        std::vector<char*> arguments;
        for (const auto& one : command)
            arguments.push_back(const_cast<char*>(one.c_str()));
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t files;
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::posix_spawn_file_actions_adddup2(&files, 1, 2);
        const int error = ::posix_spawn(&pid_, arguments[0], &files, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&files);
        if (error != 0)
            throw std::runtime_error("cannot start " + command[0]);
    }
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Child& operator=(Child&& other) noexcept {
        end(SIGKILL);
        pid_ = std::exchange(other.pid_, -1);
        return *this;
    }
    ~Child() { end(SIGKILL); }

    bool is_running() {
        if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_)
            pid_ = -1;
        return pid_ > 0;
    }
    void end(int signal) {
        if (pid_ <= 0)
            return;
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    pid_t pid_ = -1;
};

/// A real broker on a free port of the loopback interface; what it keeps survives a restart.
class Mosquitto {
public:
    explicit Mosquitto(std::filesystem::path folder, std::string extra = {})
        : folder_(std::move(folder)), extra_(std::move(extra)) {
        std::filesystem::create_directories(folder_);
        for (int attempt = 0; attempt < 10; ++attempt) {
            port_ = free_port();
            if (start())
                return;
        }
        throw std::runtime_error("mosquitto does not start, see " + (folder_ / "out").string());
    }

    /// False: it ended at once, or does not listen.
    bool start() {
        std::ofstream(folder_ / "mosquitto.conf")
            << "listener " << port_ << " 127.0.0.1\nuser " << user() << "\npersistence true\npersistence_location "
            << folder_.string() << "/\nautosave_interval 1\nmax_queued_messages 0\nmax_inflight_messages 100\n"
            << (extra_.empty() ? "allow_anonymous true\n" : extra_);
        broker_ = Child({MOSQUITTO_FILE, "-c", (folder_ / "mosquitto.conf").string()}, (folder_ / "out").string());
        for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
             broker_.is_running() && std::chrono::steady_clock::now() < end;) {
            if (answers())
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10)); // between two attempts to connect
        }
        return false;
    }
    void stop() { broker_.end(SIGTERM); }
    void kill() { broker_.end(SIGKILL); }
    std::string uri() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

private:
    static std::string user() {
        const passwd* entry = ::getpwuid(::getuid());
        return entry == nullptr ? "root" : entry->pw_name;
    }
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }
    static std::uint16_t free_port() {
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
        ::close(fd);
        return ntohs(address.sin_port);
    }
    bool answers() const {
        const sockaddr_in address = loopback(port_);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        return connected;
    }

    std::filesystem::path folder_;
    std::string extra_;
    std::uint16_t port_ = 0;
    Child broker_;
};

} // namespace sluice::mqtt
