#pragma once

#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace sluice::testing::kafka {

/// A real broker for one test program, by script/lib/kafka.sh, in a temporary folder. Needs the repository as working
/// folder.
class Broker {
public:
    Broker() {
        std::string pattern = (std::filesystem::temp_directory_path() / "sluice-kafka-XXXXXX").string();
        if (!mkdtemp(pattern.data()))
            throw std::runtime_error("no temporary folder");
        dir_ = pattern;
        start();
    }
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;
    ~Broker() {
        run("stop");
        std::error_code ignored;
        std::filesystem::remove_all(dir_, ignored);
    }

    /// After stop(): the same broker again, same ports, same data.
    void start() {
        servers_ = run("start");
        if (servers_.empty())
            throw std::runtime_error("the Kafka broker does not start; see what script/lib/kafka.sh printed");
    }
    void stop() { run("stop"); }
    const std::string& servers() const { return servers_; }
    /// The listener that wants SASL PLAIN: user sluice, password sluice-secret.
    std::string sasl_servers() const {
        std::string line;
        std::getline(std::ifstream(dir_ / "bootstrap.sasl") >> std::ws, line);
        return line;
    }
    const std::filesystem::path& dir() const { return dir_; }

private:
    std::string run(const std::string& command) const {
        const std::string line = "bash script/lib/kafka.sh " + command + " '" + dir_.string() + "'";
        FILE* pipe = popen(line.c_str(), "r");
        if (!pipe)
            throw std::runtime_error("cannot run: " + line);
        std::string output;
        std::array<char, 256> part{};
        while (fgets(part.data(), part.size(), pipe))
            output += part.data();
        const int status = pclose(pipe);
        while (!output.empty() && output.back() == '\n')
            output.pop_back();
        return status == 0 ? output : std::string();
    }

    std::filesystem::path dir_;
    std::string servers_;
};

} // namespace sluice::testing::kafka
