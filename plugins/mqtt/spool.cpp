#include "plugins/mqtt/spool.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace sluice::mqtt {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kReserveStep = 4ULL << 20; // a sync of reserved space need not write the file's size as well
constexpr std::uint64_t kSmallestSegment = 64ULL << 10;
constexpr std::uint64_t kReadStep = 1ULL << 20;
constexpr std::size_t kPadding = 64;

/// The first sequences of the segments in the folder, in order.
std::vector<std::uint64_t> segments_in(const std::string& folder) {
    std::vector<std::uint64_t> firsts;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        std::uint64_t first = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), first);
        if (error == std::errc() && std::string_view(end) == ".seg")
            firsts.push_back(first);
    }
    std::sort(firsts.begin(), firsts.end());
    return firsts;
}

/// Where the last whole record ends, and its sequence.
struct Tail {
    std::uint64_t size = SegmentFile::kHeaderSize;
    std::uint64_t last = 0; ///< 0: no record
};

Tail find_tail(const SegmentFile& file) {
    const std::uint64_t limit = file.size();
    Tail tail;
    std::string window;
    for (std::uint64_t offset = tail.size; offset < limit;) {
        window.resize(std::min(kReadStep, limit - offset));
        window.resize(file.read(window.data(), window.size(), offset));
        std::string_view rest = window;
        DecodedRecord decoded = decode_record(rest);
        if (decoded.state == RecordState::Short && offset + decoded.size <= limit) { // larger than the window
            window.resize(decoded.size);
            window.resize(file.read(window.data(), window.size(), offset));
            decoded = decode_record(rest = window);
        }
        for (; decoded.state == RecordState::Whole; decoded = decode_record(rest)) {
            offset += decoded.size;
            tail = {.size = offset, .last = decoded.message.sequence};
            rest.remove_prefix(decoded.size);
        }
        if (decoded.state == RecordState::Short && offset + decoded.size <= limit)
            continue; // goes on behind the window
        const auto next = file.find_record(offset + 1, limit);
        if (!next)
            break;
        offset = *next;
    }
    return tail;
}

/// The crash came between making the file and writing its header.
bool was_never_begun(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char header[SegmentFile::kHeaderSize] = {};
    file.read(header, sizeof header);
    return file.gcount() < static_cast<std::streamsize>(sizeof header) ||
           std::all_of(std::begin(header), std::end(header), [](char c) { return c == 0; });
}

} // namespace

Spool::Spool(std::string folder, const SpoolRules& rules, std::uint64_t after)
    : folder_(std::move(folder)), rules_(rules) {
    fs::create_directories(folder_);
    load(after);
    if (rules_.sync == SpoolSync::Interval)
        interval_ = std::jthread([this](const std::stop_token& stop) { sync_each_interval(stop); });
}

Spool::~Spool() {
    interval_ = {};
    try {
        seal_segment();
    } catch (const std::system_error&) {
        // What was promised is in the file; reserved space behind it is cut at the next start.
    }
}

std::string Spool::path_of(std::uint64_t first) const {
    char name[32];
    std::snprintf(name, sizeof name, "/%020llu.seg", static_cast<unsigned long long>(first));
    return folder_ + name;
}

void Spool::load(std::uint64_t after) {
    const auto firsts = segments_in(folder_);
    last_sequence_ = after;
    for (std::size_t i = 0; i < firsts.size(); ++i) {
        const bool is_last = i + 1 == firsts.size();
        std::uint64_t last = is_last ? firsts[i] - 1 : firsts[i + 1] - 1, size = 0;
        if (!is_last || !was_never_begun(path_of(firsts[i]))) {
            SegmentFile file = SegmentFile::open(path_of(firsts[i]));
            size = file.size();
            if (is_last) {
                const Tail tail = find_tail(file);
                last = std::max(tail.last, last);
                file.cut(size = tail.size);
            }
        }
        last_sequence_ = std::max(last_sequence_, last);
        if (last <= after || last < firsts[i])
            fs::remove(path_of(firsts[i]));
        else
            segments_.push_back({firsts[i], size});
    }
    trimmed_ = read_up_to_ = after;
    next_sequence_ = after + 1;
    begin_segment(last_sequence_ + 1);
}

// --- the appending thread ---

std::uint64_t Spool::segment_limit() const {
    // Only whole segments are given back, so they must be small against the whole: "half empty" has to be reachable.
    return std::max(kSmallestSegment, std::min(rules_.segment_bytes, rules_.max_bytes / 8));
}

void Spool::begin_segment(std::uint64_t first) {
    auto file = std::make_shared<SegmentFile>(SegmentFile::create(path_of(first), first));
    if (rules_.sync != SpoolSync::None) {
        file->sync();
        sync_folder(folder_);
    }
    written_ = reserved_ = SegmentFile::kHeaderSize;
    const std::lock_guard lock(mutex_);
    if (!segments_.empty() && segments_.back().first == first)
        segments_.pop_back(); // it held nothing
    segments_.push_back({first, written_});
    active_ = std::move(file);
    retire_active_ = false;
    broken_ = false;
}

void Spool::seal_segment() {
    if (rules_.sync != SpoolSync::None && !broken_)
        active_->sync();
    active_->cut(written_);
}

Spool::Appended Spool::append(SpoolMessage message) {
    bool retire = false;
    {
        const std::lock_guard lock(mutex_);
        message.sequence = last_sequence_ + 1;
        retire = retire_active_;
    }
    buffer_.clear();
    encode_record(message, buffer_);
    {
        const std::lock_guard lock(mutex_);
        const std::uint64_t used = used_locked();
        if (used > 0 && used + buffer_.size() > rules_.max_bytes)
            return Appended::Full;
    }
    if (broken_ || retire || (written_ > SegmentFile::kHeaderSize && written_ + buffer_.size() > segment_limit())) {
        try {
            seal_segment();
        } catch (const std::system_error&) {
            if (!broken_) // a broken segment is given up as it is: what lies behind written_ has sequences of the next
                          // one
                throw;
        }
        begin_segment(message.sequence);
    }
    broken_ = true; // until all of it has worked
    if (written_ + buffer_.size() > reserved_) {
        const std::uint64_t step = std::max<std::uint64_t>(std::min(kReserveStep, segment_limit()), buffer_.size());
        active_->reserve(written_, step);
        reserved_ = written_ + step;
    }
    active_->write(buffer_, written_);
    if (rules_.sync == SpoolSync::Always)
        active_->sync();
    broken_ = false;
    written_ += buffer_.size();
    {
        const std::lock_guard lock(mutex_);
        segments_.back().size = written_;
        last_sequence_ = message.sequence;
        unsynced_ = true;
    }
    appended_.notify_one();
    return Appended::Yes;
}

void Spool::sync_each_interval(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        tick_.wait_for(lock, stop, rules_.sync_interval, [] { return false; });
        if (!std::exchange(unsynced_, false))
            continue;
        const auto file = active_;
        lock.unlock();
        bool failed = false;
        try {
            file->sync();
        } catch (const std::system_error&) {
            failed = true;
        }
        lock.lock();
        sync_failed_ = sync_failed_ || failed;
    }
}

// --- the reading thread ---

bool Spool::wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return appended_.wait_for(lock, patience, [&] { return last_sequence_ > read_up_to_; });
}

bool Spool::seek_unread(std::uint64_t& limit, std::uint64_t& next_first) {
    for (;;) {
        std::uint64_t first = 0;
        {
            const std::lock_guard lock(mutex_);
            if (last_sequence_ < next_sequence_)
                return false;
            auto at = segments_.begin();
            if (reading_)
                at = std::find_if(segments_.begin(), segments_.end(),
                                  [&](const Segment& one) { return one.first >= reading_->first(); });
            if (reading_ && at != segments_.end() && at->first == reading_->first() && read_offset_ >= at->size)
                ++at;
            if (at == segments_.end()) {
                // Everything is read, and still sequences are missing: they stood in a damaged end.
                gaps_.push_back({next_sequence_, last_sequence_, "damaged in the spool"});
                next_sequence_ = last_sequence_ + 1;
                return false;
            }
            first = at->first;
            limit = at->size;
            next_first = std::next(at) == segments_.end() ? UINT64_MAX : std::next(at)->first;
        }
        if (!reading_ || reading_->first() != first) {
            reading_ = std::make_unique<SegmentFile>(SegmentFile::open(path_of(first)));
            read_offset_ = SegmentFile::kHeaderSize;
        }
        if (read_offset_ < limit)
            return true;
    }
}

void Spool::accept(SpoolMessage&& message, std::uint64_t next_first, SpoolChunk& chunk) {
    // What a failed append left behind has a sequence that the next segment gave again.
    if (message.sequence < next_sequence_ || message.sequence >= next_first)
        return;
    if (message.sequence > next_sequence_)
        gaps_.push_back(
            {next_sequence_, message.sequence - 1, met_damage_ ? "damaged in the spool" : "no longer in the spool"});
    met_damage_ = false;
    next_sequence_ = message.sequence + 1;
    chunk.messages.push_back(std::move(message));
}

SpoolChunk Spool::read(std::size_t messages, std::uint64_t bytes, First first) {
    SpoolChunk chunk;
    std::uint64_t limit = 0, next_first = 0;
    bool out_of_credit = false;
    while (messages > 0 && chunk.messages.empty() && !out_of_credit && seek_unread(limit, next_first)) {
        std::uint64_t want = std::min({kReadStep, std::max<std::uint64_t>(bytes, 4096), limit - read_offset_});
        for (bool again = true; std::exchange(again, false);) {
            std::shared_ptr<char[]> block(new char[want + kPadding]);
            const std::size_t have = reading_->read(block.get(), want, read_offset_);
            std::memset(block.get() + have, 0, want - have + kPadding);
            std::string_view rest(block.get(), have);
            chunk.block = std::move(block);
            DecodedRecord decoded = decode_record(rest);
            if (decoded.state == RecordState::Short && decoded.size > want && read_offset_ + decoded.size <= limit) {
                want = decoded.size; // a message larger than what was asked for
                again = true;
                continue;
            }
            for (; decoded.state == RecordState::Whole && chunk.messages.size() < messages;
                 decoded = decode_record(rest)) {
                if ((!chunk.messages.empty() || first == First::IfItFits) && chunk.bytes + decoded.size > bytes) {
                    out_of_credit = true;
                    break;
                }
                chunk.bytes += decoded.size;
                read_offset_ += decoded.size;
                rest.remove_prefix(decoded.size);
                accept(std::move(decoded.message), next_first, chunk);
            }
            const bool cut_short = decoded.state == RecordState::Short && read_offset_ + decoded.size > limit;
            if (decoded.state == RecordState::Damaged || cut_short) {
                met_damage_ = true;
                read_offset_ = reading_->find_record(read_offset_ + 1, limit).value_or(limit);
            }
        }
    }
    const std::lock_guard lock(mutex_);
    read_up_to_ = next_sequence_ - 1;
    return chunk;
}

std::vector<SpoolGap> Spool::take_gaps() {
    return std::exchange(gaps_, {});
}

void Spool::trim(std::uint64_t sequence) {
    std::vector<std::uint64_t> obsolete;
    {
        const std::lock_guard lock(mutex_);
        trimmed_ = std::max(trimmed_, sequence);
        while (segments_.size() > 1 && segments_[1].first <= trimmed_ + 1) {
            obsolete.push_back(segments_.front().first);
            segments_.pop_front();
        }
        if (trimmed_ >= last_sequence_ && segments_.back().size >= segment_limit() / 2)
            retire_active_ = true;
    }
    for (const std::uint64_t first : obsolete)
        fs::remove(path_of(first));
}

// --- every thread ---

std::uint64_t Spool::used_locked() const {
    if (trimmed_ >= last_sequence_)
        return 0;
    std::uint64_t used = 0;
    for (const Segment& segment : segments_)
        used += segment.size;
    return used;
}

std::uint64_t Spool::used_bytes() const {
    const std::lock_guard lock(mutex_);
    return used_locked();
}

std::uint64_t Spool::last_sequence() const {
    const std::lock_guard lock(mutex_);
    return last_sequence_;
}

std::uint64_t Spool::unread() const {
    const std::lock_guard lock(mutex_);
    return last_sequence_ - std::min(last_sequence_, read_up_to_);
}

bool Spool::take_sync_failure() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sync_failed_, false);
}

} // namespace sluice::mqtt
