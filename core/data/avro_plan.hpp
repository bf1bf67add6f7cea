#pragma once

#include "core/data/avro_reader.hpp"
#include "core/data/avro_schema.hpp"
#include "core/data/bound_mapping.hpp"
#include "core/data/cells.hpp"
#include "core/data/format.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::data {

/// Fills the columns of a row from one Avro value: the paths of a mapping, or the column names, laid over the schema of
/// the file once, so that a record is walked without looking for names. Internal to core/data; one thread at a time.
class AvroPlan {
public:
    /// `schema` must outlive the plan. `logical`: values are what their logical types say (format apacheavro).
    AvroPlan(const ParserOptions& options, const AvroSchema& schema, bool logical, Cells& cells);

    /// At a record. False: the reader knows why; cells of the row may be filled.
    bool read(AvroReader& reader) { return value(reader, *root_, 0); }
    /// Some column takes something from the records.
    bool takes_records() const { return takes_records_; }

private:
    struct Target {
        std::size_t column;
        Transform transform;
        DropTree drop;
    };
    /// A target and what of its path is left from here on.
    struct Wanted {
        std::span<const PathStep> rest;
        const Target* target;
    };
    struct Op {
        const AvroType* type;
        std::vector<const Target*> targets = {};
        std::vector<std::unique_ptr<Op>> parts =
            {}; ///< by field of a record (null: nobody takes it) or branch of a union
        std::vector<std::pair<std::uint32_t, std::unique_ptr<Op>>> elements = {}; ///< of an array, by position
        std::vector<std::pair<std::string, std::unique_ptr<Op>>> members = {};    ///< of a map, by name
        bool names_repeat = false; ///< as JSON: maps are in it, which may hold a name twice
        bool inside() const { return !parts.empty() || !elements.empty() || !members.empty(); }
    };

    std::unique_ptr<Op> build(const AvroType& type, const std::vector<Wanted>& wanted) const;

    bool value(AvroReader& reader, const Op& op, int depth);
    bool walk(AvroReader& reader, const Op& op, int depth);
    bool elements(AvroReader& reader, const Op& op, int depth);
    bool members(AvroReader& reader, const Op& op, int depth);
    bool whole(AvroReader& reader, const Op& op, int depth);
    /// Empties the cells that a value fills.
    void forget(const Op& op);

    void boolean(const Op& op, bool value);
    void integer(const Op& op, std::int64_t value);
    void string(const Op& op, std::string_view text);
    void bytes(const Op& op, std::string_view bytes);
    template <class Real> bool real(AvroReader& reader, const Op& op);

    Cells& cells_;
    const bool logical_;
    bool takes_records_ = false;
    std::vector<Path> paths_; ///< of the targets, one each
    std::vector<std::unique_ptr<Target>> targets_;
    std::unique_ptr<Op> root_;
    JsonCompactor compactor_;
    std::string text_;
    std::string compact_;
};

} // namespace sluice::data
