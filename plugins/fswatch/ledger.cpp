#include "plugins/fswatch/ledger.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::fswatch {

namespace {

constexpr std::size_t kHeaderSize = 8;       // length and checksum of the body
constexpr std::size_t kMaxBody = 256 * 1024; // two paths and the fixed part
constexpr std::size_t kWindow = 256 * 1024;
constexpr std::size_t kFlushAt = 1024 * 1024;
constexpr std::uint64_t kCompactAbove = 65'536; // records: below, the file is too small to matter
constexpr std::size_t kAcknowledgedPoints = 4'096;
constexpr std::string_view kMagic = "SLFSLG1\n";

struct Fixed {
    std::uint8_t type;
    std::uint8_t arrival;
    std::uint8_t state;
    std::uint8_t reserved;
    std::uint16_t path_size;
    std::uint16_t source_size;
    std::uint64_t sequence;
    std::uint64_t inode;
    std::uint64_t size;
    std::int64_t mtime_ns;
    std::uint64_t content;
    std::int64_t time_ns;
};
static_assert(sizeof(Fixed) == 56, "the layout on disk");

std::uint32_t checksum(std::string_view body) {
    return static_cast<std::uint32_t>(hash_of(body));
}

std::string folder_of(const std::string& file) {
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? "." : file.substr(0, slash);
}

void write_all(int fd, std::string_view bytes, std::uint64_t offset, const std::string& file) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0) {
            if (errno == EINTR)
                continue;
            throw_errno("cannot write the ledger " + file);
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

void sync_folder(const std::string& file) {
    const std::string folder = folder_of(file);
    const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        throw_errno("cannot sync the folder " + folder);
}

bool lies_below(std::string_view path, std::string_view folder) {
    return folder.empty() || path == folder ||
           (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

} // namespace

struct Ledger::Record {
    Type type = Type::Entry;
    LedgerEntry entry{};
    std::size_t disk_size = 0;

    std::string encode() const {
        assert(entry.path.size() <= UINT16_MAX && entry.source_path.size() <= UINT16_MAX);
        const Fixed fixed{.type = static_cast<std::uint8_t>(type),
                          .arrival = static_cast<std::uint8_t>(entry.arrival),
                          .state = static_cast<std::uint8_t>(entry.state),
                          .reserved = 0,
                          .path_size = static_cast<std::uint16_t>(entry.path.size()),
                          .source_size = static_cast<std::uint16_t>(entry.source_path.size()),
                          .sequence = entry.sequence,
                          .inode = entry.facts.inode,
                          .size = entry.facts.size,
                          .mtime_ns = entry.facts.mtime_ns,
                          .content = entry.content,
                          .time_ns = entry.first_seen_ns};
        std::string out(kHeaderSize + sizeof fixed, '\0');
        std::memcpy(out.data() + kHeaderSize, &fixed, sizeof fixed);
        out += entry.path;
        out += entry.source_path;
        const std::uint32_t header[2] = {static_cast<std::uint32_t>(out.size() - kHeaderSize),
                                         checksum(std::string_view(out).substr(kHeaderSize))};
        std::memcpy(out.data(), header, sizeof header);
        return out;
    }

    static std::optional<Record> decode(std::string_view body) {
        Fixed fixed;
        if (body.size() < sizeof fixed)
            return std::nullopt;
        std::memcpy(&fixed, body.data(), sizeof fixed);
        body.remove_prefix(sizeof fixed);
        if (body.size() != std::size_t{fixed.path_size} + fixed.source_size)
            return std::nullopt;
        Record record;
        record.type = static_cast<Type>(fixed.type);
        record.entry = LedgerEntry{.sequence = fixed.sequence,
                                   .path = std::string(body.substr(0, fixed.path_size)),
                                   .source_path = std::string(body.substr(fixed.path_size)),
                                   .facts = {.inode = fixed.inode, .size = fixed.size, .mtime_ns = fixed.mtime_ns},
                                   .content = fixed.content,
                                   .first_seen_ns = fixed.time_ns,
                                   .arrival = static_cast<Arrival>(fixed.arrival),
                                   .state = static_cast<EntryState>(fixed.state)};
        record.disk_size = kHeaderSize + sizeof fixed + fixed.path_size + fixed.source_size;
        return record;
    }
};

Ledger::Ledger(std::string file, std::uint64_t after) : file_(std::move(file)), cursor_sequence_(after) {
    fd_ = Descriptor(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd_)
        throw_errno("cannot open the ledger " + file_);
    load();
    last_sequence_ = std::max(last_sequence_, after);
    compact();
}

void Ledger::load() {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0)
        throw_errno("cannot look at the ledger " + file_);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size == 0)
        return;
    if (size >= kMagic.size() && bytes_at(0, kMagic.size(), size) != kMagic)
        throw_errno("the ledger " + file_ +
                        " is of another version of the plugin; keep it and use that version, or remove it",
                    EINVAL);
    std::uint64_t offset = kMagic.size();
    while (auto record = read_at(offset, size)) {
        apply(*record, offset);
        offset += record->disk_size;
    }
    // What follows a torn record was never promised to anybody; the compaction leaves it out.
    written_ = durable_ = std::min(offset, size);
}

void Ledger::apply(const Record& record, std::uint64_t offset) {
    ++records_;
    last_sequence_ = std::max(last_sequence_, record.type == Type::Acknowledged ? 0 : record.entry.sequence);
    switch (record.type) {
    case Type::Entry:
    case Type::Amended:
        index_entry(record.entry, offset);
        break;
    case Type::Gone:
        unindex(record.entry.path);
        break;
    case Type::Acknowledged:
        note_acknowledged(record.entry.sequence, record.entry.first_seen_ns);
        break;
    case Type::Head:
        judged_by_ = record.entry.first_seen_ns;
        break;
    }
}

void Ledger::index_entry(const LedgerEntry& entry, std::uint64_t offset) {
    unindex(entry.path);
    const std::uint64_t key = hash_of(entry.path);
    const std::uint64_t etag = entry.facts.etag();
    index_.put(key) = Known{.etag = etag, .offset = offset, .state = entry.state, .scan = scan_};
    versions_.put(etag) = key;
}

void Ledger::unindex(std::string_view path) {
    const std::uint64_t key = hash_of(path);
    const Known* known = index_.find(key);
    if (known == nullptr)
        return;
    if (const std::uint64_t* owner = versions_.find(known->etag); owner != nullptr && *owner == key)
        versions_.erase(known->etag);
    index_.erase(key);
}

void Ledger::compact() {
    flush();
    std::vector<std::pair<std::uint64_t, std::uint64_t>> order; // sequence, offset
    order.reserve(index_.size());
    for (const auto& cell : index_.cells()) {
        if (cell.key == 0)
            continue;
        const auto record = read_at(cell.value.offset, written_);
        if (!record)
            throw_errno("the ledger " + file_ + " changed under the plugin", EIO);
        order.emplace_back(record->entry.sequence, cell.value.offset);
    }
    std::sort(order.begin(), order.end());

    const std::string temporary = file_ + ".new";
    Descriptor out(::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!out)
        throw_errno("cannot create " + temporary);
    std::string pending(kMagic);
    std::uint64_t offset = 0;
    const auto put = [&](const Record& record) {
        const std::uint64_t at = offset + pending.size();
        pending += record.encode();
        if (pending.size() >= kFlushAt) {
            write_all(out.get(), pending, offset, temporary);
            offset += pending.size();
            pending.clear();
        }
        return at;
    };
    std::uint64_t records = 1;
    put(Record{.type = Type::Head, .entry = {.sequence = last_sequence_, .first_seen_ns = judged_by_}});
    for (const auto& [sequence, time] : acknowledged_) {
        put(Record{.type = Type::Acknowledged, .entry = {.sequence = sequence, .first_seen_ns = time}});
        ++records;
    }
    std::optional<std::uint64_t> cursor;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> moved; // fingerprint of the path, new offset
    moved.reserve(order.size());
    for (const auto& [sequence, old_offset] : order) {
        auto record = read_at(old_offset, written_);
        if (!record)
            throw_errno("the ledger " + file_ + " changed under the plugin", EIO);
        record->type = Type::Entry;
        const std::uint64_t at = put(*record);
        if (!cursor && sequence > cursor_sequence_)
            cursor = at;
        moved.emplace_back(hash_of(record->entry.path), at);
        ++records;
    }
    write_all(out.get(), pending, offset, temporary);
    offset += pending.size();
    if (::fsync(out.get()) != 0)
        throw_errno("cannot sync " + temporary);
    if (::rename(temporary.c_str(), file_.c_str()) != 0)
        throw_errno("cannot replace the ledger " + file_);
    sync_folder(file_);

    for (const auto& [key, at] : moved)
        index_.find(key)->offset = at;
    fd_ = std::move(out);
    written_ = durable_ = offset;
    cursor_offset_ = cursor.value_or(offset);
    records_ = records;
    window_.clear();
}

void Ledger::compact_if_worthwhile() {
    if (records_ > kCompactAbove && records_ > 2 * (index_.size() + acknowledged_.size()))
        compact();
}

std::uint64_t Ledger::append(const Record& record) {
    const std::uint64_t offset = written_ + buffer_.size();
    buffer_ += record.encode();
    ++records_;
    if (buffer_.size() >= kFlushAt)
        flush();
    return offset;
}

void Ledger::flush() {
    if (buffer_.empty())
        return;
    write_all(fd_.get(), buffer_, written_, file_);
    written_ += buffer_.size();
    buffer_.clear();
}

void Ledger::sync() {
    flush();
    if (durable_ == written_)
        return;
    if (::fdatasync(fd_.get()) != 0)
        throw_errno("cannot sync the ledger " + file_);
    durable_ = written_;
}

std::string_view Ledger::bytes_at(std::uint64_t offset, std::size_t size, std::uint64_t end) {
    if (offset + size > end)
        return {};
    if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
        window_offset_ = offset;
        window_.resize(std::min<std::uint64_t>(std::max(size, kWindow), end - offset));
        std::size_t have = 0;
        while (have < window_.size()) {
            const ssize_t n =
                ::pread(fd_.get(), window_.data() + have, window_.size() - have, static_cast<off_t>(offset + have));
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0) {
                window_.clear();
                throw_errno("cannot read the ledger " + file_);
            }
            if (n == 0)
                break;
            have += static_cast<std::size_t>(n);
        }
        window_.resize(have);
        if (have < size)
            return {};
    }
    return std::string_view(window_).substr(offset - window_offset_, size);
}

std::optional<Ledger::Record> Ledger::read_at(std::uint64_t offset, std::uint64_t end) {
    const std::string_view head = bytes_at(offset, kHeaderSize, end);
    if (head.size() != kHeaderSize)
        return std::nullopt;
    std::uint32_t header[2];
    std::memcpy(header, head.data(), sizeof header);
    if (header[0] > kMaxBody)
        return std::nullopt;
    const std::string_view body = bytes_at(offset + kHeaderSize, header[0], end);
    if (body.size() != header[0] || checksum(body) != header[1])
        return std::nullopt;
    return Record::decode(body);
}

const Ledger::Known* Ledger::find(std::string_view path) {
    return index_.find(hash_of(path));
}

std::optional<LedgerEntry> Ledger::read(std::string_view path) {
    const Known* known = index_.find(hash_of(path));
    if (known == nullptr)
        return std::nullopt;
    flush();
    auto record = read_at(known->offset, written_);
    if (!record || record->entry.path != path)
        return std::nullopt;
    return std::move(record->entry);
}

std::optional<LedgerEntry> Ledger::find_version(std::uint64_t etag) {
    const std::uint64_t* key = versions_.find(etag);
    if (key == nullptr)
        return std::nullopt;
    const Known* known = index_.find(*key);
    if (known == nullptr)
        return std::nullopt;
    flush();
    auto record = read_at(known->offset, written_);
    if (!record || record->entry.facts.etag() != etag)
        return std::nullopt;
    return std::move(record->entry);
}

std::uint64_t Ledger::note(LedgerEntry entry) {
    entry.sequence = entry.state == EntryState::Discovered ? ++last_sequence_ : 0;
    const Record record{.type = Type::Entry, .entry = std::move(entry)};
    const std::uint64_t offset = append(record);
    index_entry(record.entry, offset);
    return record.entry.sequence;
}

void Ledger::amend(std::string_view old_path, LedgerEntry entry) {
    const Record record{.type = Type::Amended, .entry = std::move(entry)};
    // The new name first: cut in between, both are known and the next scan drops the old one.
    const std::uint64_t offset = append(record);
    if (old_path != record.entry.path)
        forget(old_path);
    index_entry(record.entry, offset);
}

void Ledger::forget(std::string_view path) {
    if (find(path) == nullptr)
        return;
    append(Record{.type = Type::Gone, .entry = {.path = std::string(path)}});
    unindex(path);
}

void Ledger::for_each_below(std::string_view folder, const std::function<void(const LedgerEntry&)>& visit) {
    flush();
    // Visiting may change the index, so collect first: one number for each entry below the folder.
    std::vector<std::uint64_t> offsets;
    const std::uint64_t end = written_;
    for (std::uint64_t offset = kMagic.size(); offset < end;) {
        const auto record = read_at(offset, end);
        if (!record)
            throw_errno("the ledger " + file_ + " changed under the plugin", EIO);
        if (record->type == Type::Entry || record->type == Type::Amended)
            if (lies_below(record->entry.path, folder))
                if (const Known* known = find(record->entry.path); known != nullptr && known->offset == offset)
                    offsets.push_back(offset);
        offset += record->disk_size;
    }
    for (const std::uint64_t offset : offsets)
        if (const auto record = read_at(offset, written_))
            visit(record->entry);
}

std::optional<LedgerEntry> Ledger::next() {
    while (cursor_offset_ < durable_) {
        auto record = read_at(cursor_offset_, durable_);
        if (!record)
            throw_errno("the ledger " + file_ + " changed under the plugin", EIO);
        const std::uint64_t offset = std::exchange(cursor_offset_, cursor_offset_ + record->disk_size);
        if (record->type != Type::Entry || record->entry.state != EntryState::Discovered ||
            record->entry.sequence <= cursor_sequence_)
            continue;
        cursor_sequence_ = record->entry.sequence;
        const Known* known = find(record->entry.path);
        if (known != nullptr && known->offset == offset)
            return std::move(record->entry);
    }
    return std::nullopt;
}

void Ledger::note_acknowledged(std::uint64_t sequence, std::int64_t time_ns) {
    if (!acknowledged_.empty() && sequence <= acknowledged_.rbegin()->first)
        return;
    acknowledged_.emplace(sequence, time_ns);
    if (acknowledged_.size() <= kAcknowledgedPoints)
        return;
    // Thin out: an entry between two points then counts as acknowledged later than it was, which errs towards
    // announcing again.
    for (auto at = acknowledged_.begin(); at != acknowledged_.end() && std::next(at) != acknowledged_.end(); ++at)
        at = acknowledged_.erase(at);
}

void Ledger::acknowledged(std::uint64_t sequence, std::int64_t now_ns) {
    if (!acknowledged_.empty() && sequence <= acknowledged_.rbegin()->first)
        return;
    append(Record{.type = Type::Acknowledged, .entry = {.sequence = sequence, .first_seen_ns = now_ns}});
    note_acknowledged(sequence, now_ns);
}

void Ledger::note_judged_by(std::int64_t start_ns) {
    if (judged_by_ == start_ns)
        return;
    judged_by_ = start_ns;
    append(Record{.type = Type::Head, .entry = {.sequence = last_sequence_, .first_seen_ns = start_ns}});
}

bool Ledger::was_acknowledged_before(std::uint64_t sequence, std::int64_t time_ns) const {
    const auto point = acknowledged_.lower_bound(sequence);
    return point != acknowledged_.end() && point->second < time_ns;
}

void Ledger::met(std::string_view path) {
    if (Known* known = index_.find(hash_of(path)))
        known->scan = scan_;
}

bool Ledger::visit_unmet(std::size_t& position, std::size_t limit,
                         const std::function<void(const LedgerEntry&)>& visit) {
    std::vector<std::uint64_t> offsets;
    const auto& cells = index_.cells();
    const std::size_t end = std::min(cells.size(), position + limit);
    for (; position < end; ++position)
        if (cells[position].key != 0 && cells[position].value.scan != scan_)
            offsets.push_back(cells[position].value.offset);
    const bool more = position < cells.size();
    if (!offsets.empty())
        flush();
    for (const std::uint64_t offset : offsets)
        if (const auto record = read_at(offset, written_))
            visit(record->entry);
    return more;
}

} // namespace sluice::fswatch
