#include "core/ingest/schema_cache.hpp"

namespace sluice::ingest {

catalog::Snapshot SchemaCache::find(std::string_view database) {
    auto present = catalog_.find(database);
    if (!present || delay_.count() == 0)
        return present;
    const auto now = clock_.steady();
    Lock lock(mutex_);
    Entry& entry = entries_[present->name];
    // A database that was dropped and made again is another one.
    if (!entry.database || entry.until <= now || entry.database->guid != present->guid)
        entry = {std::move(present), now + delay_};
    return entry.database;
}

void SchemaCache::clear(std::string_view database) {
    Lock lock(mutex_);
    if (const auto found = entries_.find(database); found != entries_.end())
        entries_.erase(found);
}

} // namespace sluice::ingest
