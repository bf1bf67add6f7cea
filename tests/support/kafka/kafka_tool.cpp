// kafka_tool: topics, records and consumer figures on the command line, for scripts, end-to-end tests and benchmarks.
#include "tests/support/kafka/client.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <limits>
#include <string>

namespace {

using namespace sluice::testing::kafka;

std::pair<std::string, std::string> split_pair(const std::string& text) {
    const auto at = text.find('=');
    if (at == std::string::npos)
        throw std::runtime_error("'" + text + "' has to be NAME=VALUE");
    return {text.substr(0, at), text.substr(at + 1)};
}

struct Arguments {
    std::string servers, topic, group, key, line_header;
    int partitions = 1, partition = -1;
    std::uint64_t count = 0, seed = 1, first = 0;
    std::int64_t before = 0;
    bool generate = false, tombstone = false, print = false;
    int seconds = 60;
    std::vector<std::string> headers, config;
};

void produce(const Arguments& a) {
    Client client(a.servers);
    Record record;
    record.partition = a.partition;
    if (!a.key.empty())
        record.key = a.key;
    for (const std::string& header : a.headers)
        record.headers.emplace_back(split_pair(header));
    std::uint64_t produced = 0;
    const auto send = [&](std::string line) {
        record.value = std::move(line);
        client.produce(a.topic, record);
        ++produced;
    };
    if (a.tombstone) {
        client.produce(a.topic, record);
        ++produced;
    } else if (a.generate) {
        for (std::uint64_t i = 0; i < a.count; ++i)
            send(generated_line(a.seed, a.first + i));
    } else {
        for (std::string line; std::getline(std::cin, line);) {
            if (!a.line_header.empty()) {
                const std::size_t tab = line.find('\t');
                record.headers.assign(1, {a.line_header, line.substr(0, tab)});
                line.erase(0, tab == std::string::npos ? line.size() : tab + 1);
            }
            send(line);
        }
    }
    client.flush(std::chrono::seconds(a.seconds));
    std::cout << produced << " records produced\n";
}

void consume(const Arguments& a) {
    const std::uint64_t wanted = a.count ? a.count : std::numeric_limits<std::uint64_t>::max();
    std::function<void(const Record&)> use;
    if (a.print)
        use = [](const Record& record) { std::cout << record.value.value_or("") << "\n"; };
    const Client::Drained drained = Client::drain(a.servers, a.topic, wanted, std::chrono::seconds(a.seconds), use);
    (a.print ? std::cerr : std::cout) << drained.messages << " records, " << drained.bytes << " bytes, "
                                      << drained.seconds << " s, "
                                      << (drained.seconds > 0 ? static_cast<double>(drained.messages) / drained.seconds
                                                              : 0)
                                      << " records/s\n";
    if (a.count && drained.messages < a.count)
        throw std::runtime_error("only " + std::to_string(drained.messages) + " of " + std::to_string(a.count) +
                                 " records came");
}

void committed(const Arguments& a) {
    const auto offset = Client(a.servers).committed(a.group, a.topic, a.partition < 0 ? 0 : a.partition);
    std::cout << (offset ? std::to_string(*offset) : "none") << "\n";
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Topics, records and consumer figures of a Kafka broker"};
    app.require_subcommand(1);
    Arguments a;
    const auto command = [&](const char* name, const char* text) {
        CLI::App* sub = app.add_subcommand(name, text);
        sub->add_option("--servers,-b", a.servers, "host:port, comma separated")->required();
        sub->add_option("--topic,-t", a.topic)->required();
        return sub;
    };
    auto* create = command("create-topic", "Creates a topic; one that exists is left as it is");
    create->add_option("--partitions,-p", a.partitions);
    create->add_option("--config,-c", a.config, "KEY=VALUE of the topic");
    create->callback([&] {
        Client::Topic topic{a.topic, a.partitions};
        for (const std::string& text : a.config)
            topic.config.insert(split_pair(text));
        Client(a.servers).create_topic(topic);
    });
    command("delete-topic", "Deletes a topic")->callback([&] { Client(a.servers).delete_topic(a.topic); });
    auto* grow = command("grow-topic", "Adds partitions");
    grow->add_option("--partitions,-p", a.partitions, "number in all")->required();
    grow->callback([&] { Client(a.servers).grow_topic(a.topic, a.partitions); });
    auto* trim = command("delete-records", "Drops the records of a partition below an offset");
    trim->add_option("--partition", a.partition)->required();
    trim->add_option("--before", a.before)->required();
    trim->callback([&] { Client(a.servers).delete_records(a.topic, a.partition, a.before); });

    auto* produce_command = command("produce", "Sends the lines of standard input, one record each");
    produce_command->add_option("--header,-H", a.headers, "NAME=VALUE, repeatable")->allow_extra_args(false);
    produce_command->add_option("--header-from-line", a.line_header,
                                "NAME of a header whose value begins each line, before a tab");
    produce_command->add_option("--key,-k", a.key);
    produce_command->add_option("--partition", a.partition);
    produce_command->add_flag("--generate", a.generate,
                              "made-up JSON lines instead of standard input, see --count, --seed, --first");
    produce_command->add_flag("--tombstone", a.tombstone, "one record without a value");
    produce_command->add_option("--count,-n", a.count);
    produce_command->add_option("--seed", a.seed);
    produce_command->add_option("--first", a.first, "number of the first generated line");
    produce_command->add_option("--seconds", a.seconds, "patience");
    produce_command->callback([&] { produce(a); });

    auto* consume_command = command("consume", "Reads the topic from its beginning and prints count and rate");
    consume_command->add_option("--count,-n", a.count, "stop after so many records; fails if fewer come");
    consume_command->add_flag("--print", a.print, "the values, one a line");
    consume_command->add_option("--seconds", a.seconds, "patience");
    consume_command->callback([&] { consume(a); });

    auto* committed_command = command("committed", "Prints the offset that a group has committed, or none");
    committed_command->add_option("--group,-g", a.group)->required();
    committed_command->add_option("--partition", a.partition);
    committed_command->callback([&] { committed(a); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    } catch (const std::exception& error) {
        std::cerr << "kafka_tool: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
