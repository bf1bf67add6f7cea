#include "plugins/testkit/ledger.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace sluice::testkit {
namespace {

constexpr std::size_t kSize = std::size_t{1} << 30; // of addresses; memory is taken as it is written

struct Record {
    std::uint64_t sequence, hash;
    std::uint32_t lane_size, position_size;
};

} // namespace

Ledger::Ledger() {
    void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    header_ = new (memory) Header{};
    body_ = static_cast<char*>(memory) + sizeof(Header);
}

Ledger::~Ledger() {
    ::munmap(header_, kSize);
}

void Ledger::append(const std::vector<Seen>& messages) {
    auto at = header_->bytes.load();
    for (const auto& message : messages) {
        const Record record{message.sequence, message.hash, static_cast<std::uint32_t>(message.lane.size()),
                            static_cast<std::uint32_t>(message.position.size())};
        if (at + sizeof record + message.lane.size() + message.position.size() > kSize - sizeof(Header))
            throw std::length_error("the kit's ledger is full");
        for (const auto& [data, size] : {std::pair<const void*, std::size_t>(&record, sizeof record),
                                         {message.lane.data(), message.lane.size()},
                                         {message.position.data(), message.position.size()}}) {
            std::memcpy(body_ + at, data, size);
            at += size;
        }
    }
    // A process that is killed before this line committed nothing; `bytes` alone decides.
    header_->bytes.store(at);
}

std::vector<Seen> Ledger::all() const {
    std::vector<Seen> messages;
    const auto end = header_->bytes.load();
    for (std::uint64_t at = 0; at < end;) {
        Record record;
        std::memcpy(&record, body_ + at, sizeof record);
        at += sizeof record;
        messages.push_back({.lane = std::string(body_ + at, record.lane_size),
                            .sequence = record.sequence,
                            .hash = record.hash,
                            .position = std::string(body_ + at + record.lane_size, record.position_size)});
        at += record.lane_size + record.position_size;
    }
    return messages;
}

std::optional<Seen> Ledger::last_of(std::string_view lane) const {
    std::optional<Seen> last;
    for (auto& message : all())
        if (message.lane == lane)
            last = std::move(message);
    return last;
}

std::uint64_t Ledger::size() const {
    return all().size();
}

} // namespace sluice::testkit
