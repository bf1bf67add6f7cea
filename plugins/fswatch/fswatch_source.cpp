#include "plugins/fswatch/fswatch_source.hpp"

#include "plugins/fswatch/notification.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace sluice::fswatch {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A notification takes about a kilobyte, with a sidecar at most about twenty.
constexpr std::size_t kQueueItems = 1'024;
constexpr auto kRootRetry = seconds(10);
constexpr auto kFirstRetry = seconds(1);
constexpr auto kLongestRetry = seconds(60);
constexpr auto kAcknowledgeEach = milliseconds(100);

SteadyTime steady_now() {
    return std::chrono::steady_clock::now();
}

FolderRules rules_from(const Options& options) {
    FolderRules rules;
    if (options.text(kRoot).empty())
        throw ConfigFailure("root is empty; give the folder to watch");
    std::filesystem::path root = std::filesystem::absolute(options.text(kRoot)).lexically_normal();
    if (!root.has_filename() && root.has_relative_path())
        root = root.parent_path();
    rules.root = root.string();
    rules.names.container = options.is_set(kContainerName) ? options.text(kContainerName) : root.filename().string();
    if (rules.names.container.empty() || rules.names.container.find('/') != std::string::npos)
        throw ConfigFailure("container_name is \"" + rules.names.container + "\"; give a name without '/'");
    rules.names.subject_begins_with = options.text(kSubjectBeginsWith);
    rules.names.subject_ends_with = options.text(kSubjectEndsWith);
    rules.names.subject_case_sensitive = options.boolean(kSubjectCaseSensitive);
    rules.names.sidecar_suffix = options.text(kSidecarSuffix);
    rules.names.recursive = options.boolean(kRecursive);
    rules.settle = {.settle = options.duration(kSettle),
                    .create_grace = options.duration(kCreateGrace),
                    .max_settle = options.duration(kMaxSettle),
                    .lease_check = options.boolean(kLeaseCheck)};
    rules.mode = static_cast<Mode>(options.choice(kMode));
    rules.poll_interval = options.duration(kPollInterval);
    rules.rescan_interval = options.duration(kRescanInterval);
    rules.apis = options.list(kApis);
    for (const auto& api : rules.apis)
        if (api != api_of(Arrival::MovedIn) && api != api_of(Arrival::Written) && api != api_of(Arrival::Renamed))
            throw ConfigFailure("apis holds \"" + api + "\"; a folder has PutBlob, FlushWithClose and RenameFile");
    if (options.is_set(kPathTemplate)) {
        try {
            rules.path_template.emplace(options.text(kPathTemplate));
        } catch (const std::invalid_argument& error) {
            throw ConfigFailure(error.what());
        }
    }
    rules.ingest_existing = options.boolean(kIngestExisting);
    if (options.is_set(kStartAt)) {
        const auto start = parse_start(options.text(kStartAt));
        if (!start)
            throw ConfigFailure("start_at is \"" + options.text(kStartAt) +
                                "\"; give a time such as 2026-01-01T00:00:00Z, or beginning");
        rules.start_ns = *start;
    }
    return rules;
}

} // namespace

FswatchSource::FswatchSource(const sluice_host* host, const sluice_value* by_option)
    : Source(host), rules_(rules_from(Options(by_option))), emit_file_(Options(by_option).text(kEmitNotifications)),
      ledger_file_(std::string(state_dir()) + "/ledger"), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      queue_({.items = kQueueItems, .bytes = SIZE_MAX}) {
    if (!wake_)
        throw Unavailable("no event descriptor can be made: too many open files");
    constexpr std::array<const char*, 7> names = {"empty_files_skipped_total", "duplicate_files_skipped_total",
                                                  "unsettled_files_total",     "inotify_overflows_total",
                                                  "folder_scans_total",        "vanished_files_total",
                                                  "filtered_files_total"};
    for (std::size_t i = 0; i < names.size(); ++i)
        counters_[i] = metric(names[i], SLUICE_COUNTER);
    known_files_ = metric("known_files", SLUICE_GAUGE);
    settling_files_ = metric("settling_files", SLUICE_GAUGE);
}

FswatchSource::~FswatchSource() {
    FswatchSource::stop();
}

void FswatchSource::check() {
    try {
        const Root root(rules_.root);
    } catch (const std::system_error& error) {
        const int code = error.code().value();
        if (code == EACCES || code == EPERM)
            throw Denied(error.what());
        if (code == ENOTDIR)
            throw ConfigFailure(rules_.root + " is not a folder");
        throw Unavailable(error.what());
    }
}

void FswatchSource::start() {
    lane_ = open_lane("ledger");
    handed_over_ = lane_.found ? lane_.sequence : 0;
    last_delivered_ = handed_over_;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool FswatchSource::poll(Credit credit, Batch& out) {
    const std::size_t taken = queue_.drain(credit, [&](Notice&& notice) {
        add(notice, out);
        outstanding_.insert(notice.sequence);
        last_delivered_ = notice.sequence;
    });
    if (taken > 0)
        wake(); // there is room again
    return true;
}

void FswatchSource::add(const Notice& notice, Batch& out) const {
    sluice_message message{};
    message.lane = lane_.id;
    message.sequence = notice.sequence;
    message.timestamp_ns = notice.seen_ns;
    message.payload = out.copy(notice.payload);
    const auto property = [&](std::string_view name, std::string_view value) -> sluice_property {
        const sluice_bytes copied = out.copy(name);
        return {{reinterpret_cast<const char*>(copied.data), copied.size}, out.copy(value)};
    };
    auto* headers = out.allocate_array<sluice_property>(std::max<std::size_t>(notice.metadata.size(), 1));
    for (const auto& [name, value] : notice.metadata)
        headers[message.header_count++] = property(name, value);
    message.headers = headers;
    auto* system = out.allocate_array<sluice_property>(5);
    system[message.system_count++] = property("file.path", notice.path);
    system[message.system_count++] = property("file.root", rules_.root);
    system[message.system_count++] = property("file.etag", notice.etag);
    system[message.system_count++] = property("file.size", notice.size);
    if (!notice.metadata_error.empty())
        system[message.system_count++] = property("file.metadata_error", notice.metadata_error);
    message.system = system;
    out.add(message);
}

void FswatchSource::ack(const sluice_ack& ack) {
    if (ack.outcome == SLUICE_RETRY)
        return;
    outstanding_.erase(outstanding_.lower_bound(ack.first), outstanding_.upper_bound(ack.last));
    // Acknowledgements may skip ahead; what counts is up to where nothing is missing.
    acknowledged_ = outstanding_.empty() ? last_delivered_ : *outstanding_.begin() - 1;
    wake();
}

void FswatchSource::stop() {
    thread_.request_stop();
    queue_.close();
    wake();
    if (thread_.joinable())
        thread_.join();
}

void FswatchSource::wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one); // full means woken already
}

// --- the thread that follows the folder ---

void FswatchSource::run(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), ("fw/" + std::string(instance())).substr(0, 15).c_str());
    milliseconds patience = kFirstRetry;
    while (!stop.stop_requested()) {
        const SteadyTime began = steady_now();
        try {
            follow(stop);
            continue;
        } catch (const RootMissing& error) {
            show(SLUICE_CONNECTING, std::string(error.what()) + "; looking again each 10 s");
            patience = kRootRetry;
        } catch (const std::exception& error) {
            // Begin anew from what is on disk: after a failed write or sync nothing else is known for sure.
            if (steady_now() - began > kLongestRetry || patience > kLongestRetry)
                patience = kFirstRetry;
            show(SLUICE_DEGRADED, error.what());
        }
        for (const SteadyTime until = steady_now() + patience; !stop.stop_requested() && steady_now() < until;)
            wait(stop, -1, until);
        patience = std::min<milliseconds>(patience * 2, kLongestRetry);
    }
}

void FswatchSource::follow(const std::stop_token& stop) {
    Folder folder(rules_, ledger_file_, handed_over_, *this);
    show(SLUICE_HEALTHY, "watching " + rules_.root);
    while (!stop.stop_requested()) {
        const SteadyTime now = steady_now();
        if (const std::uint64_t last = acknowledged_;
            last > noted_acknowledged_ && now - noted_at_ >= kAcknowledgeEach) {
            folder.acknowledged(last);
            noted_acknowledged_ = last;
            noted_at_ = now;
        }
        SteadyTime next = folder.step(now);
        hand_over(folder, now);
        record(known_files_, static_cast<double>(folder.known_files()));
        record(settling_files_, static_cast<double>(folder.candidates()));
        if (acknowledged_ > noted_acknowledged_)
            next = std::min(next, noted_at_ + kAcknowledgeEach);
        wait(stop, folder.fd(), next);
    }
}

void FswatchSource::hand_over(Folder& folder, SteadyTime now) {
    while (queue_.size() < kQueueItems) {
        auto next = folder.next_announcement(now);
        if (!next)
            return;
        const LedgerEntry& entry = next->entry;
        Notice notice{.sequence = entry.sequence,
                      .seen_ns = next->seen_ns,
                      .payload = notification(entry, rules_.names, instance()),
                      .path = rules_.root + "/" + entry.path,
                      .etag = etag_text(entry.facts.etag()),
                      .size = std::to_string(entry.facts.size),
                      .metadata_error = std::move(next->metadata_error),
                      .metadata = std::move(next->metadata)};
        if (!emit_file_.empty())
            emit(notice.payload);
        const std::size_t size = notice.payload.size();
        handed_over_ = entry.sequence;
        queue_.push(std::move(notice), size);
    }
}

void FswatchSource::emit(const std::string& payload) {
    const Descriptor file(::open(emit_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const std::string line = payload + "\n";
    const bool failed = !file || ::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size());
    if (failed && !emit_failed_)
        warn("notifications are not copied to " + emit_file_ + ": " + std::generic_category().message(errno));
    emit_failed_ = failed;
}

void FswatchSource::wait(const std::stop_token& stop, int folder_fd, SteadyTime until) {
    const auto left = until - steady_now();
    if (left.count() <= 0 || stop.stop_requested())
        return;
    const auto whole = std::chrono::duration_cast<seconds>(left);
    const timespec timeout{.tv_sec = whole.count(),
                           .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - whole).count()};
    pollfd fds[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                     {.fd = folder_fd, .events = POLLIN, .revents = 0}};
    ::ppoll(fds, 2, &timeout, nullptr); // a negative descriptor is passed over
    std::uint64_t taken;
    [[maybe_unused]] const ssize_t size = ::read(wake_.get(), &taken, sizeof taken);
}

void FswatchSource::show(std::int32_t state, const std::string& detail) {
    if (state == shown_state_ && detail == shown_detail_)
        return;
    if (state != SLUICE_HEALTHY)
        log(SLUICE_WARN, detail);
    health(state, detail);
    shown_state_ = state;
    shown_detail_ = detail;
}

void FswatchSource::count(Count what) {
    record(counters_[static_cast<std::size_t>(what)], 1);
}
void FswatchSource::warn(const std::string& text) {
    log(SLUICE_WARN, text);
}

} // namespace sluice::fswatch

SLUICE_SOURCE_PLUGIN(sluice::fswatch::FswatchSource, "fswatch", "1.0.0", "Announces the settled files of a folder.",
                     SLUICE_CAP_REPLAY | SLUICE_CAP_UNORDERED_ACK)
