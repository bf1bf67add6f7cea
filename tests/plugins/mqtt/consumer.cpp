// mqtt_consumer PLUGIN BROKER STATE_DIR STORE: delivers until it is killed. STORE stands for the database: one line
// `sequence payload` for each message, synced before the acknowledgement; the last whole line is the stored position.
#include "tests/support/plugin_host.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

using namespace sluice::testing;

int main(int, char** arguments) {
    const std::string plugin = arguments[1], broker = arguments[2], state = arguments[3], store_file = arguments[4];
    Checkpoints store;
    std::uintmax_t whole = 0;
    {
        std::ifstream lines(store_file);
        for (std::string line; std::getline(lines, line) && !lines.eof();) {
            whole += line.size() + 1;
            store.lanes["spool"] = {true, std::stoull(line), "", 0};
        }
    }
    const int fd = ::open(store_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(whole)) != 0 || ::lseek(fd, 0, SEEK_END) < 0)
        return 1;
    const PluginLibrary library(plugin);
    PluginHost host(
        library, store,
        {{"broker", broker}, {"client_id", std::string("consumer")}, {"topics", std::vector<std::string>{"load/#"}}},
        state);
    host.open();
    for (;;) {
        host.events.clear();
        host.poll(50, 1 << 20, std::chrono::milliseconds(100));
        std::string lines;
        for (const Event& event : host.events)
            lines += std::to_string(event.sequence) + " " + event.payload.value_or("") + "\n";
        if (::write(fd, lines.data(), lines.size()) != static_cast<ssize_t>(lines.size()) || ::fdatasync(fd) != 0)
            return 1;
        host.commit();
    }
}
