// The part of the router that reads files: a notification is an event whose rows come from the file it names
// (data-connections 4).
#include "core/base/failpoint.hpp"
#include "core/base/log.hpp"
#include "core/data/archive_reader.hpp"
#include "core/data/gzip.hpp"
#include "core/router/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>

namespace sluice::router {

using ingest::Path;
using ingest::Piece;
using ingest::TableBatch;

namespace {

/// Files up to this size share their batch with neighbours; larger ones are written ahead in pieces of their own.
constexpr Bytes kSmallFile = 1_MiB;
constexpr Bytes kSmallGzip = 64_KiB;
constexpr Bytes kInflatedBlock = 64_KiB;
/// A piece has more rows than a row group, so that they go compressed into the file, or this much memory.
constexpr Bytes kPieceMemory = 32_MiB;
constexpr unsigned kPiecesInFlight = 3; // two go in together while the third is being read

std::string file_key(std::string_view url, std::string_view etag) {
    return std::string(url).append("\x1f").append(etag);
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::uint64_t file_hash(std::string_view url, std::string_view etag) {
    return std::hash<std::string>{}(file_key(url, etag));
}

/// Rows of a large file, handed to the writer piece by piece while the rest is still being read. One thread at a time.
class PieceWriter {
public:
    PieceWriter(ingest::DatabaseWriter& writer, std::shared_ptr<const catalog::Table> table)
        : writer_(writer), table_(std::move(table)) {}

    /// Takes the rows when there are enough of them; waits while too many pieces are on their way.
    Result<> offer(data::Rows& rows) {
        const Bytes memory = rows.memory();
        if (memory < kPieceMemory && rows.size() <= store::kRowGroupRows)
            return {};
        if (!part_.id)
            part_.id = writer_.reserve_part();
        part_.rows += rows.size();
        SLUICE_CHECK(wait_below(kPiecesInFlight));
        {
            Lock lock(state_->mutex);
            ++state_->in_flight;
        }
        Piece piece{part_.id, table_, std::move(rows), memory, [state = state_](const Result<>& written) {
                        Lock lock(state->mutex);
                        --state->in_flight;
                        if (!written && !state->error)
                            state->error = written.error();
                        state->changed.notify_all();
                    }};
        rows = data::Rows(table_->schema());
        writer_.submit_piece(std::move(piece));
        return {};
    }

    /// Waits for all pieces. Nothing: the file was too small for any.
    Result<std::optional<store::Part>> finish() {
        if (!part_.id)
            return std::optional<store::Part>();
        SLUICE_CHECK(wait_below(1));
        return std::optional(part_);
    }

    void discard() {
        if (!part_.id)
            return;
        (void)wait_below(1);
        if (auto dropped = writer_.discard_piece(part_.id); !dropped)
            log::warn("pieces of a file could not be removed, they go at the next start",
                      {{"error", dropped.error().message}});
    }

private:
    struct State {
        Mutex mutex;
        Condition changed;
        unsigned in_flight SLUICE_GUARDED_BY(mutex) = 0;
        std::optional<Error> error SLUICE_GUARDED_BY(mutex);
    };

    Result<> wait_below(unsigned limit) {
        Lock lock(state_->mutex);
        while (state_->in_flight >= limit && state_->in_flight > 0)
            state_->changed.wait(lock);
        if (state_->error)
            return *state_->error;
        return {};
    }

    ingest::DatabaseWriter& writer_;
    std::shared_ptr<const catalog::Table> table_;
    store::Part part_;
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Feeds a file to a parser, inflating it when its name says so. `after_block` runs between blocks.
Result<data::ParseOutcome> parse_file(OpenedFile& file, const FileReference& reference, bool gzipped,
                                      data::Parser& parser, data::Rows& rows, Bytes& raw_size,
                                      const std::function<Result<>()>& after_block) {
    parser.begin({.location = reference.url});
    const auto feed = [&](std::string_view block) -> Result<> {
        raw_size += block.size();
        if (raw_size > data::kMaxFile)
            return Error{ErrorCode::TooLarge, "The file has more than 6 GB uncompressed.", "BadRequest_FileTooLarge"};
        SLUICE_CHECK(parser.feed(block, false, rows));
        return after_block();
    };
    std::optional<data::GzipReader> gzip;
    if (gzipped)
        gzip.emplace(data::kMaxFile + kInflatedBlock); // so that the check above is the one that speaks
    for (;;) {
        SLUICE_TRY(const std::string_view block, file.read());
        if (block.empty())
            break;
        SLUICE_CHECK(gzip ? gzip->feed(block, feed) : feed(block));
    }
    if (gzip)
        SLUICE_CHECK(gzip->finish());
    for (bool more = true; more;) {
        SLUICE_TRY(more, parser.more(rows));
        SLUICE_CHECK(after_block());
    }
    return parser.finish(rows);
}

/// Members of one format: they share a plan and so a batch.
struct FormatRows {
    FormatRows(std::shared_ptr<Plan> plan_, ingest::DatabaseWriter& writer)
        : plan(std::move(plan_)), rows(plan->table->schema()), pieces(writer, plan->table) {}

    std::shared_ptr<Plan> plan;
    data::Rows rows;
    PieceWriter pieces;
    std::optional<store::Part> written = {};
    Bytes raw_size = 0;
};

/// Adds the rows of a member, and what a strict connection's parser refused of it to `refused`.
Result<> read_member(data::ArchiveReader& archive, const data::ArchiveMember& member, FormatRows& into,
                     std::vector<data::RefusedRecord>& refused) {
    const Bytes before = archive.unpacked();
    data::Parser& parser = *into.plan->parser;
    SLUICE_CHECK(archive.parse(member, parser, into.rows, [&] { return into.pieces.offer(into.rows); }));
    into.raw_size += archive.unpacked() - before;
    auto taken = parser.take_refused();
    if (taken.empty())
        return {};
    for (data::RefusedRecord& record : taken) {
        record.why = fmt::format("member '{}': {}", member.entry.name, record.why);
        refused.push_back(std::move(record));
    }
    Bytes refused_bytes = 0;
    for (const data::RefusedRecord& record : refused)
        refused_bytes += record.text.size();
    if (refused.size() > data::kMaxRefused || refused_bytes > data::kMaxRefusedBytes)
        return Error{
            ErrorCode::Invalid,
            fmt::format("more than {} records or {} bytes of the archive are refused; the last record is that of {}",
                        data::kMaxRefused, data::kMaxRefusedBytes, refused.back().why),
            "BadRequest_InvalidBlob"};
    return {};
}

/// Waits for the pieces of all formats; removes them when one of them failed, or `done` says that something else did.
Result<> finish_pieces(std::deque<FormatRows>& formats, Result<> done) {
    for (FormatRows& format : formats) {
        auto written = format.pieces.finish();
        if (written)
            format.written = std::move(*written);
        else if (done)
            done = written.error();
    }
    if (!done)
        for (FormatRows& format : formats)
            format.pieces.discard();
    return done;
}

/// `written`: the part of the rows that went ahead in pieces.
OpenBatch separate_batch(const std::shared_ptr<Plan>& plan, data::Rows rows, std::optional<store::Part> written,
                         Bytes raw_size) {
    OpenBatch separate{plan, {.table = plan->table, .rows = std::move(rows)}};
    separate.batch.events = 1;
    separate.batch.raw_size = raw_size;
    if (written) {
        const std::uint64_t total = written->rows + separate.batch.rows.size();
        written->original_size = total ? raw_size * written->rows / total : 0;
        separate.batch.raw_size = raw_size - written->original_size;
        separate.batch.pieces.push_back(std::move(*written));
    }
    return separate;
}

} // namespace

/// A zip archive that a notification names.
struct Router::Archive {
    std::unique_ptr<OpenedFile> file;
    data::ArchiveReader members;
    std::vector<std::shared_ptr<Plan>> plans = {}; ///< of each member
};

void Router::load_known_files() {
    const data::Schema schema{{{"url", data::ScalarType::String}, {"etag", data::ScalarType::String}}};
    std::vector<DecidedFile> pending;
    for (ingest::DatabaseWriter* writer : writers()) {
        auto result = writer->store().query("SELECT url, etag FROM sluice.files WHERE connection = ?", {settings_.name},
                                            schema, {});
        while (result) {
            auto chunk = result->next();
            if (!chunk) {
                failure_ = chunk.error();
                return;
            }
            if (!*chunk)
                break;
            for (std::size_t row = 0; row < (*chunk)->rows(); ++row)
                known_files_.insert(file_hash((*chunk)->column(0).text(row), (*chunk)->column(1).text(row)));
        }
        if (!result) { // without the list a file could be ingested twice, so the source starts over
            failure_ = result.error();
            return;
        }
        for (store::FileRecord& record : writer->store().files_with_pending_action(settings_.name))
            pending.push_back({writer->database(), std::move(record)});
    }
    run_file_actions(std::move(pending));
}

std::vector<ingest::DatabaseWriter*> Router::writers() const {
    std::vector<ingest::DatabaseWriter*> all{&own_};
    if (settings_.multi_database)
        for (const std::string& name : databases_.names())
            if (ingest::DatabaseWriter* writer = databases_.writer(name); writer != &own_)
                all.push_back(writer);
    return all;
}

bool Router::is_known(const FileReference& file) {
    if (undecided_files_.contains(file_key(file.url, file.etag)))
        return true;
    if (!known_files_.contains(file_hash(file.url, file.etag)))
        return false;
    for (ingest::DatabaseWriter* writer : writers())
        if (writer->store().find_file(settings_.name, file.url, file.etag))
            return true;
    return false;
}

void Router::take_file(const Message& message, Lane& lane) {
    auto file = connection_->file_of(message);
    if (!file) {
        park(message, lane, {}, file.error());
        return;
    }
    if (file->size == 0) {
        decide_file(*file, own_gather_, "skipped(empty)", true);
        skip(own_gather_, "empty_file");
        return;
    }
    if (is_known(*file)) {
        skip(own_gather_, "duplicate");
        return;
    }
    if (data::name_says_zip(file->name)) {
        take_archive(message, lane, *file);
        return;
    }
    auto routed = route(message, file->name);
    if (!routed) {
        auto routing = connection_->routing_of(message);
        park(message, lane, routing ? *routing : RoutingProperties{}, routed.error());
        decide_file(*file, own_gather_, "failed", false);
        return;
    }
    if (const auto& told = routed->routing.raw_size; told && !is_number(*told))
        // The true size is measured while reading (data-connections 4.2).
        log::warn("rawSizeBytes is no number and is ignored",
                  {{"connection", settings_.name}, {"file", file->url}, {"value", *told}});
    Gather& gather = gather_of(*routed->plan->writer);
    if (!claim(lane, message, gather))
        return;
    settle_file(message, lane, *file, routed->routing, gather, ingest_file(*file, *routed, gather));
}

/// Each member is a source of its own, but all of them commit or fail with the file (data-connections 4.7).
void Router::take_archive(const Message& message, Lane& lane, FileReference& file) {
    auto archive = open_archive(message, file);
    Gather& gather = archive ? gather_of(*archive->plans.front()->writer) : own_gather_;
    if (archive && !claim(lane, message, gather))
        return;
    const auto routing = connection_->routing_of(message);
    settle_file(message, lane, file, routing ? *routing : RoutingProperties{}, gather,
                archive ? ingest_archive(*archive, gather) : Result<Refused>(archive.error()));
}

void Router::settle_file(const Message& message, const Lane& lane, const FileReference& file,
                         const RoutingProperties& routing, Gather& gather, const Result<Refused>& ingested) {
    if (ingested) {
        park_records(message, lane, routing, *ingested, gather);
        ++gather.delivery().received;
        decide_file(file, gather, "ingested", true);
    } else if (ingested.error().reason == "Superseded" || ingested.error().reason == "Download_SourceNotFound") {
        // A newer notification follows, or there is nothing left to read: not a failure
        // (data-connections 4.9.3, 4.9.4).
        skip(gather, ingested.error().reason == "Superseded" ? "superseded" : "deleted");
    } else if (ingested.error().code == ErrorCode::Cancelled || ingested.error().code == ErrorCode::Io) {
        failure_ = ingested.error();
    } else {
        park(message, lane, routing, ingested.error());
        decide_file(file, gather, "failed", false);
    }
}

Result<Router::Refused> Router::ingest_file(FileReference& file, const Routed& routed, Gather& gather) {
    SLUICE_TRY(auto opened, connection_->open_file(file));
    Plan& plan = *routed.plan;
    const bool gzipped = data::name_says_gzip(file.name) || plan.compression == Compression::GZip;
    if (gzipped)
        SLUICE_CHECK(data::check_packed_format(plan.format, "gzip"));
    Bytes raw_size = 0;

    // A container says little about its rows by its size: a few bytes of it can stand for millions.
    const bool small = !data::is_container(plan.format) && file.size <= (gzipped ? kSmallGzip : kSmallFile);
    if (small) {
        OpenBatch& open = gather.open(routed.plan);
        const data::Rows::Mark mark = open.batch.rows.mark();
        auto parsed =
            parse_file(*opened, file, gzipped, *plan.parser, open.batch.rows, raw_size, [] { return Result<>(); });
        Result<> unchanged = opened->verify();
        if (!parsed || !unchanged) {
            open.batch.rows.rewind(mark);
            return unchanged ? parsed.error() : unchanged.error();
        }
        ++open.batch.events;
        open.batch.items = static_cast<std::uint32_t>(open.batch.events); // an item of a batch is a file (engine 4.2)
        open.batch.raw_size += raw_size;
        gathered_bytes_ += raw_size;
        batch_full_ |=
            open.batch.events >= settings_.micro_batch_events || open.batch.raw_size >= settings_.micro_batch_bytes;
        return plan.parser->take_refused();
    }

    data::Rows rows(plan.table->schema());
    PieceWriter pieces(gather.writer(), plan.table);
    auto parsed = parse_file(*opened, file, gzipped, *plan.parser, rows, raw_size, [&] { return pieces.offer(rows); });
    Result<> unchanged = opened->verify();
    auto part = pieces.finish();
    if (!parsed || !unchanged || !part) {
        pieces.discard();
        if (!unchanged)
            return unchanged.error();
        return parsed ? part.error() : parsed.error();
    }
    gathered_bytes_ += rows.memory();
    gather.add_separate(separate_batch(routed.plan, std::move(rows), std::move(*part), raw_size));
    batch_full_ = true;
    return plan.parser->take_refused();
}

Result<Router::Archive> Router::open_archive(const Message& message, FileReference& file) {
    SLUICE_TRY(auto opened, connection_->open_file(file));
    auto members = data::ArchiveReader::open(opened->descriptor(), {.name = file.name, .location = file.url});
    SLUICE_CHECK(opened->verify()); // what changed meanwhile may look damaged
    if (!members)
        return members.error();
    Archive archive{std::move(opened), std::move(*members)};
    std::map<std::optional<data::Format>, std::shared_ptr<Plan>> known; // by what a name tells
    for (const data::ArchiveMember& member : archive.members.members()) {
        auto& plan = known[data::format_of_file_name(archive.members.format_name(member))];
        if (!plan) {
            SLUICE_TRY(auto routed, route(message, archive.members.format_name(member)));
            SLUICE_CHECK(data::check_packed_format(routed.plan->format, "zip"));
            plan = routed.plan;
        }
        archive.plans.push_back(plan);
    }
    return archive;
}

Result<Router::Refused> Router::ingest_archive(Archive& archive, Gather& gather) {
    std::deque<FormatRows> formats;
    const auto rows_of = [&](const std::shared_ptr<Plan>& plan) -> FormatRows& {
        const auto found =
            std::find_if(formats.begin(), formats.end(), [&](const auto& known) { return known.plan == plan; });
        return found != formats.end() ? *found : formats.emplace_back(plan, gather.writer());
    };
    Refused refused;
    Result<> done;
    for (std::size_t i = 0; i < archive.plans.size() && done; ++i)
        done = read_member(archive.members, archive.members.members()[i], rows_of(archive.plans[i]), refused);
    if (Result<> unchanged = archive.file->verify(); !unchanged)
        done = unchanged;
    SLUICE_CHECK(finish_pieces(formats, done));
    for (FormatRows& format : formats) {
        batch_full_ |= format.written.has_value();
        gathered_bytes_ += format.rows.memory();
        OpenBatch batch =
            separate_batch(format.plan, std::move(format.rows), std::move(format.written), format.raw_size);
        batch.is_zip = true;
        batch.batch.events = &format == &formats.front() ? 1 : 0; // the archive is one event, whatever it holds
        gather.add_separate(std::move(batch));
    }
    return refused;
}

void Router::decide_file(const FileReference& file, Gather& gather, std::string_view outcome, bool succeeded) {
    store::FileRecord record;
    record.connection = settings_.name;
    record.url = file.url;
    record.etag = file.etag;
    record.outcome = outcome;
    record.pending_action = connection_->action_after(file, succeeded);
    record.time = databases_.clock().now();
    gather.delivery().files.push_back(std::move(record));
    known_files_.insert(file_hash(file.url, file.etag));
    undecided_files_.insert(file_key(file.url, file.etag));
}

void Router::run_file_actions(std::vector<DecidedFile> decided) {
    std::map<std::string, ingest::Delivery> noted; // by database
    for (auto& [database, record] : decided) {
        if (auto done = connection_->run_action(record.pending_action); !done) {
            // Stays noted in the file record; tried again at the next start of the connection.
            log::warn("file action failed",
                      {{"connection", settings_.name}, {"file", record.url}, {"error", done.error().message}});
            continue;
        }
        failpoint("S14");
        record.pending_action.clear();
        noted[database].files.push_back(std::move(record));
    }
    for (auto& [database, delivery] : noted) {
        delivery.connection = settings_.name;
        databases_.writer(database)->submit(std::move(delivery));
    }
}

} // namespace sluice::router
