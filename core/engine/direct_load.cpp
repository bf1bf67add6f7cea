#include "core/engine/direct_load.hpp"

#include "core/base/log.hpp"

#include <future>

namespace sluice::engine {
namespace {

/// As the configuration's queued.piece_bytes: large enough to be cheap, small enough not to hold up streamed rows.
constexpr Bytes kPieceBytes = 4_MiB;

} // namespace

DirectLoad::DirectLoad(ingest::DatabaseWriter& writer, std::shared_ptr<const catalog::Table> table)
    : writer_(writer), table_(std::move(table)), part_(writer.reserve_part()), pending_(table_->schema()) {}

DirectLoad::~DirectLoad() {
    if (!written_)
        return;
    if (const auto discarded = writer_.discard_piece(part_); !discarded)
        log::warn("rows of a failed command stay until the next start",
                  {{"table", table_->name}, {"reason", discarded.error().message}});
}

Result<> DirectLoad::add(data::Chunk chunk) {
    count_ += chunk.rows();
    size_ += data::estimated_raw_size(chunk);
    pending_.add_chunk(std::move(chunk));
    if (pending_.memory() >= kPieceBytes)
        return flush();
    return {};
}

Result<> DirectLoad::add(data::Rows rows) {
    for (auto& chunk : rows.chunks()) {
        SLUICE_CHECK(add(std::move(chunk)));
    }
    return {};
}

Result<> DirectLoad::flush() {
    if (pending_.empty())
        return {};
    // The commit must not overtake its pieces, so each is waited for.
    auto committed = std::make_shared<std::promise<Result<>>>();
    auto future = committed->get_future();
    ingest::Piece piece{part_, table_, std::move(pending_)};
    piece.memory = piece.rows.memory();
    piece.done = [committed](const Result<>& result) { committed->set_value(result); };
    pending_ = data::Rows(table_->schema());
    written_ = true;
    writer_.submit_piece(std::move(piece));
    return future.get();
}

Result<std::optional<store::Part>> DirectLoad::prepare() {
    SLUICE_CHECK(flush());
    if (count_ == 0)
        return std::optional<store::Part>();
    store::Part part;
    part.id = part_;
    part.table = table_->id;
    part.rows = count_;
    part.original_size = size_;
    return std::optional(std::move(part));
}

Result<std::vector<store::Part>> DirectLoad::commit(Options options) {
    SLUICE_CHECK(flush());
    if (count_ == 0 && !options.replace)
        return std::vector<store::Part>();
    ingest::TableBatch batch{table_, ingest::Path::Direct, data::Rows(table_->schema())};
    batch.tags = std::move(options.tags);
    batch.creation_time = options.creation_time;
    batch.principal = std::move(options.principal);
    batch.unless_tagged = std::move(options.unless_tagged);
    if (count_ > 0) {
        store::Part piece;
        piece.id = part_;
        piece.rows = count_;
        piece.original_size = size_;
        batch.pieces.push_back(std::move(piece));
    }
    auto stored = options.replace ? writer_.replace_rows(std::move(batch)) : writer_.commit_rows(std::move(batch));
    if (!stored && stored.error().reason == ingest::kIngestedBefore)
        return std::vector<store::Part>();
    SLUICE_TRY(auto outcome, std::move(stored));
    written_ = false;
    return std::move(outcome.extents);
}

} // namespace sluice::engine
