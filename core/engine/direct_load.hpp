#pragma once

#include "core/base/result.hpp"
#include "core/data/chunk.hpp"
#include "core/ingest/writer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::engine {

/// Loads rows of a command into one new extent: they are written ahead in pieces that nobody sees, then one commit
/// shows them all (engine 8.6). Destroyed without commit, nothing of it stays. One thread.
class DirectLoad {
public:
    DirectLoad(ingest::DatabaseWriter& writer, std::shared_ptr<const catalog::Table> table);
    ~DirectLoad();
    DirectLoad(const DirectLoad&) = delete;
    DirectLoad& operator=(const DirectLoad&) = delete;

    /// Takes rows of the table's schema; writes them ahead when enough have come together.
    Result<> add(data::Chunk chunk);
    Result<> add(data::Rows rows);

    struct Options {
        std::vector<std::string> tags = {};
        std::optional<Ticks> creation_time = {};
        bool replace = false; ///< the table's other rows go in the same commit, and those of what is derived from it
        std::vector<std::string> unless_tagged = {}; ///< nothing is stored when an extent has one of these tags
        std::string principal = "aadapp=anonymous";
    };
    /// The extents: of the table, then those that its update policies made; none when there were no rows, or when a tag of
    /// `unless_tagged` exists. With `replace` the tables are emptied even then.
    Result<std::vector<store::Part>> commit(Options options);

    /// Writes ahead what is left and answers the part that holds all of it, for a commit made elsewhere: nothing when
    /// there were no rows. Until adopted() says that the commit happened, the destructor removes it.
    Result<std::optional<store::Part>> prepare();
    void adopted() { written_ = false; }

    std::uint64_t rows() const { return count_; }

private:
    Result<> flush();

    ingest::DatabaseWriter& writer_;
    const std::shared_ptr<const catalog::Table> table_;
    const store::PartId part_;
    data::Rows pending_;
    std::uint64_t count_ = 0;
    Bytes size_ = 0;
    bool written_ = false; ///< pieces exist that would have to be discarded
};

} // namespace sluice::engine
