#include "core/base/mutex.hpp"
#include "core/data/bound_mapping.hpp"
#include "core/data/json_plan.hpp"
#include "core/data/source_parser.hpp"
#include "core/store/cells.hpp"
#include "core/store/parquet.hpp"
#include "core/store/parquet_columns.hpp"
#include "core/store/spool.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace sluice::store {
namespace {

using data::BoundElement;
using data::ParseOutcome;
using data::ScalarType;
using data::Transform;

constexpr std::string_view kMagic = "PAR1";
constexpr Bytes kMaxFooter = 256_MiB;

Error damaged(std::string_view what) {
    return Error{ErrorCode::Invalid, fmt::format("the source is no Parquet file that can be read: {}", what),
                 "BadRequest_InvalidBlob"};
}

/// The DuckDB that reads Parquet for all parsers; holds no data. Made when the first file comes. Thread-safe.
class Reader {
public:
    static Result<ConnectionHandle> connect() {
        Lock lock(mutex_);
        if (!database_) {
            SLUICE_TRY(database_, open());
        }
        ConnectionHandle connection;
        if (duckdb_connect(database_.get(), connection.address()) != DuckDBSuccess)
            return no_start();
        return connection;
    }
    /// After some errors DuckDB refuses all further work. The next file gets another; files that are being read keep
    /// theirs.
    static void renew() {
        Lock lock(mutex_);
        database_ = DatabaseHandle();
    }

private:
    static Error no_start() {
        return Error{ErrorCode::Unavailable, "DuckDB could not be started to read a Parquet file"};
    }
    static Result<DatabaseHandle> open() {
        DatabaseHandle database;
        ConnectionHandle connection;
        if (duckdb_open(nullptr, database.address()) != DuckDBSuccess ||
            duckdb_connect(database.get(), connection.address()) != DuckDBSuccess)
            return no_start();
        // One thread keeps the rows in the order of the file. Descriptors are used again for other files, so nothing
        // may be remembered by their names.
        for (const char* setting :
             {"SET threads = 1", "SET enable_external_file_cache = false", "SET memory_limit = '256MB'",
              "SET temp_directory = ''", "SET autoinstall_known_extensions = false",
              "SET autoload_known_extensions = false"})
            SLUICE_CHECK(run(connection.get(), setting));
        return database;
    }

    static inline Mutex mutex_;
    static inline DatabaseHandle database_ SLUICE_GUARDED_BY(mutex_);
};

/// What a failure of DuckDB says about the file.
Error failed(const Error& cause, std::string_view what) {
    if (cause.code == ErrorCode::TooLarge)
        return Error{ErrorCode::TooLarge,
                     "reading the Parquet file needs more than 256 MB of memory; write it with smaller row groups",
                     "Stream_InputStreamTooLarge"};
    if (cause.code == ErrorCode::Internal)
        Reader::renew();
    return damaged(what);
}

/// Reads a Parquet file when all of it is there (formats-and-mappings 6). The columns whose values DuckDB hands over as
/// they are stored come first; behind them one text for each column that Cells coerces, the number of values in the row
/// that the matrix turned into null, and for a strict parser the row as JSON.
class ParquetParser final : public data::RecordParser {
public:
    using RecordParser::RecordParser;

    using Parser::begin;
    void begin(const data::SourceFacts& source) override {
        end_reading();
        spool_.close();
        head_.clear();
        begin_records(source);
        complete_ = false;
    }

    Result<> feed(std::string_view bytes, bool, data::Rows&) override {
        head_.append(bytes.substr(0, kMagic.size() - std::min(kMagic.size(), head_.size())));
        if (head_.size() == kMagic.size() && head_ != kMagic)
            return damaged(head_ == "PARE" ? "it is encrypted" : "it does not begin like one");
        return spool_.append(bytes);
    }

    Result<bool> more(data::Rows& rows) override {
        if (complete_)
            return false;
        if (!reader_)
            SLUICE_CHECK(start());
        for (;;) {
            auto chunk = result_.fetch();
            if (!chunk)
                return failed(chunk.error(), "a part of it is broken");
            if (!*chunk) {
                complete_ = true;
                end_reading();
                return false;
            }
            if (duckdb_data_chunk_get_size(chunk->get()) == 0)
                continue;
            SLUICE_TRY(data::Chunk raw, reader_->read(chunk->get()));
            if (options_.strict) {
                SLUICE_CHECK(take_strictly(raw, rows));
            } else {
                take(std::move(raw), rows);
            }
            return true;
        }
    }

    Result<ParseOutcome> finish(data::Rows& rows) override {
        const Bytes before = rows.memory();
        for (bool any = true; any;) {
            SLUICE_TRY(any, more(rows));
            if (rows.memory() - before > options_.max_content)
                return Error{ErrorCode::TooLarge,
                             fmt::format("the rows of the source take more than {} bytes", options_.max_content),
                             "Stream_InputStreamTooLarge"};
        }
        spool_.close();
        return outcome();
    }

private:
    struct Text {
        std::size_t column;
        bool json;
        Transform transform;
        data::DropTree drop = {};
    };

    void end_reading() {
        reader_.reset();
        result_ = RawResult();
        statement_ = Statement();
        connection_ = ConnectionHandle();
    }

    Result<> start() {
        SLUICE_CHECK(read_footer());
        SLUICE_TRY(connection_, Reader::connect());
        const std::string table = fmt::format("read_parquet({})", literal(spool_.path()));
        SLUICE_CHECK(read_columns(table));
        SLUICE_TRY(statement_, prepare(select(table)));
        auto streamed = statement_.stream();
        if (!streamed)
            return failed(streamed.error(), "it cannot be opened");
        result_ = std::move(*streamed);
        SLUICE_TRY(reader_, ResultReader::make(result_, result_types_));
        return {};
    }

    /// A file ends with its metadata, the length of that in four bytes, and the four letters that it began with.
    Result<> read_footer() {
        constexpr Bytes kTail = 8;
        if (spool_.size() < kMagic.size() + kTail)
            return damaged("it is cut short");
        SLUICE_TRY(const std::string tail, spool_.read(spool_.size() - kTail, kTail));
        if (tail.substr(4) != kMagic)
            return damaged(tail.substr(4) == "PARE" ? "it is encrypted" : "it does not end like one");
        Bytes size = 0;
        for (int i = 3; i >= 0; --i)
            size = size << 8 | static_cast<unsigned char>(tail[static_cast<std::size_t>(i)]);
        if (size > std::min(spool_.size() - kMagic.size() - kTail, kMaxFooter))
            return damaged("the length of its footer is wrong");
        const Bytes begin = spool_.size() - kTail - size;
        SLUICE_TRY(std::string metadata, spool_.read(begin, size));
        SLUICE_TRY(footer_, read_parquet_footer(metadata));
        for (const std::size_t at : footer_.utc_nanoseconds) {
            const char flag = ParquetFooter::local(metadata[at]);
            SLUICE_CHECK(spool_.write(begin + at, {&flag, 1}));
        }
        return {};
    }

    Result<Statement> prepare(const std::string& sql) {
        auto prepared = Statement::prepare(connection_.get(), sql);
        if (!prepared)
            return failed(prepared.error(), "its footer is broken, or it uses what DuckDB does not know");
        return prepared;
    }

    /// The columns of the file and their types.
    Result<> read_columns(const std::string& table) {
        SLUICE_TRY(Statement none, prepare("SELECT * FROM " + table + " LIMIT 0"));
        auto result = none.stream();
        if (!result)
            return failed(result.error(), "its footer is broken");
        columns_.clear();
        auto* raw = static_cast<duckdb_result*>(result->raw());
        for (std::size_t i = 0; i < result->columns(); ++i) {
            const std::string name = duckdb_column_name(raw, i);
            columns_.push_back({name, result->column_logical_type(i), footer_.root.child(name)});
        }
        return {};
    }

    ParquetValue value_at(const data::Path& path) const {
        const auto found = std::find_if(columns_.begin(), columns_.end(), [&](const FileColumn& column) {
            return !path.steps.front().is_index && column.name == path.steps.front().name;
        });
        if (found == columns_.end())
            return {"NULL", {}, {}};
        return follow(copy_of(*found), path, 1);
    }

    struct FileColumn {
        std::string name;
        TypeHandle type;
        const ParquetElement* element;
    };

    ParquetValue copy_of(const FileColumn& column) const {
        // The C API has no copy of a type; a list of it gives one back.
        const TypeHandle list(duckdb_create_list_type(column.type.get()));
        return {identifier(column.name), TypeHandle(duckdb_list_type_child_type(list.get())), column.element};
    }

    std::string record_json() const {
        std::string members;
        for (const FileColumn& column : columns_) {
            const bool misread = column.element && column.element->misread;
            members += fmt::format("{}{} := {}", members.empty() ? "" : ", ", identifier(column.name),
                                   misread ? "NULL" : json_value(identifier(column.name), column.type.get()));
        }
        return json_text(fmt::format("struct_pack({})", members));
    }

    /// The query for the rows; fills texts_ and result_types_.
    std::string select(const std::string& table) {
        const data::Schema& schema = *options_.schema;
        std::vector<std::string> stored(schema.size());
        for (std::size_t i = 0; i < schema.size(); ++i)
            stored[i] = "NULL::" + sql_type(schema[i].type);
        std::string text_sql, misfits;
        texts_.clear();
        result_types_ = schema;
        const auto add_text = [&](Text text, const std::string& sql) {
            texts_.push_back(std::move(text));
            text_sql += ", " + sql;
            result_types_.columns.push_back(
                {fmt::format("text{}", texts_.size()), ScalarType::Dynamic}); // dynamic keeps nulls
        };
        const auto add = [&](std::size_t column, const data::Path& path, Transform transform,
                             const std::vector<data::Path>& dropped) {
            if (path.steps.empty())
                return add_text({column, true, transform, data::drop_tree(dropped)}, record_json());
            const ParquetValue value = value_at(path);
            if (const std::string time = unix_time_text(value); data::is_unix_time(transform) && time != "NULL")
                return add_text({column, false, transform}, time);
            if (const std::string json = transformed_json(value, schema[column].type, transform); !json.empty())
                return add_text({column, true, transform, data::drop_tree(dropped)}, json);
            // Other values have no time and no members; an object to drop members from may be any value.
            const bool plain = transform == Transform::None || transform == Transform::DropMappedFields;
            const ParquetColumn converted = plain ? convert(value, schema[column].type)
                                                  : ParquetColumn{.form = ParquetColumn::Form::Stored, .sql = "NULL"};
            if (converted.form != ParquetColumn::Form::Stored)
                return add_text({column, converted.form == ParquetColumn::Form::Json, Transform::None}, converted.sql);
            if (!value.type)
                return;
            if (converted.sql != "NULL")
                stored[column] = converted.sql;
            misfits += fmt::format(" + ({} IS NOT NULL AND {} IS NULL)::BIGINT", value.sql, converted.sql);
        };
        if (options_.mapping) {
            for (const BoundElement& element : options_.mapping->elements())
                if (element.source == BoundElement::Source::Path)
                    add(element.column, element.path, element.transform, element.dropped);
        } else {
            for (std::size_t i = 0; i < schema.size(); ++i) {
                data::Path path;
                path.steps.push_back({.name = schema[i].name});
                add(i, path, Transform::None, {});
            }
        }
        result_types_.columns.push_back({"misfits", ScalarType::Long});
        if (options_.strict)
            result_types_.columns.push_back({"record", ScalarType::Dynamic});
        return fmt::format("SELECT {}{}, (0{})::BIGINT{} FROM {}", fmt::join(stored, ", "), text_sql, misfits,
                           options_.strict ? ", " + record_json() : "", table);
    }

    /// What the row of `raw` holds beyond the stored columns goes into the row that cells_ is at.
    void fill_rest(const data::Chunk& raw, std::size_t row) {
        const std::size_t columns = options_.schema->size();
        cells_.check_utf8(false); // DuckDB refuses files whose texts are no UTF-8
        for (std::size_t i = 0; i < texts_.size(); ++i)
            if (!raw.column(columns + i).is_null(row))
                fill(texts_[i], raw.column(columns + i).text(row));
        fill_constants();
        outcome_.nulled += static_cast<std::uint64_t>(raw.column(columns + texts_.size()).get<std::int64_t>(row));
    }

    /// All rows at once: the stored columns are handed on as they are.
    void take(data::Chunk raw, data::Rows& rows) {
        const std::size_t count = raw.rows();
        for (std::size_t row = 0; row < count; ++row) {
            raw.set_rows(row);
            cells_.begin_row(raw);
            fill_rest(raw, row);
            ++outcome_.rows;
        }
        raw.set_rows(count);
        rows.add_chunk(std::move(raw).select(*options_.schema, [](std::size_t i) { return i; }));
    }

    /// Row by row, as some may be refused.
    Result<> take_strictly(const data::Chunk& raw, data::Rows& rows) {
        const std::size_t columns = options_.schema->size();
        for (std::size_t row = 0; row < raw.rows(); ++row) {
            const ParseOutcome before = outcome_;
            data::Chunk& chunk = rows.next_row();
            cells_.begin_row(chunk);
            for (std::size_t i = 0; i < columns; ++i)
                if (!raw.column(i).is_null(row) && raw.column(i).type() != ScalarType::String)
                    chunk.column(i).copy(chunk.rows(), raw.column(i), row);
            fill_rest(raw, row);
            const data::Column& record = raw.column(columns + texts_.size() + 1);
            SLUICE_CHECK(finish_record(rows, before, record.is_null(row) ? "" : record.text(row)));
        }
        return {};
    }

    void fill(const Text& text, std::string_view value) {
        if (data::is_unix_time(text.transform))
            cells_.unix_time(text.column, value, text.transform);
        else if (text.transform != Transform::None)
            fill_transformed(text, value);
        else if (text.json)
            cells_.json(text.column, value);
        else
            cells_.text(text.column, value);
    }

    void fill_transformed(const Text& text, std::string_view json) {
        data::JsonReader reader(json, data::JsonDialect::Strict);
        compact_.clear();
        const char first = reader.space() && !reader.done() ? reader.peek() : ' ';
        const bool merge = text.transform == Transform::PropertyBagArrayToDictionary;
        if (json == "null")
            return;
        if (merge ? (first == '[' || first == '{') && compactor_.merged_objects(reader, compact_)
                  : compactor_.value(reader, compact_, 0, &text.drop))
            cells_.json(text.column, compact_);
        else
            cells_.misfit();
    }

    Spool spool_;
    std::string head_;
    bool complete_ = false;

    ParquetFooter footer_;
    std::vector<FileColumn> columns_;
    std::vector<Text> texts_;
    data::Schema result_types_;
    data::JsonCompactor compactor_;
    std::string compact_;
    // In the order in which they depend on each other.
    ConnectionHandle connection_;
    Statement statement_;
    RawResult result_;
    std::optional<ResultReader> reader_;
};

Result<std::unique_ptr<data::Parser>> make_parquet_parser(data::ParserOptions options) {
    return std::unique_ptr<data::Parser>(std::make_unique<ParquetParser>(std::move(options)));
}

} // namespace

void keep_parquet_in(std::filesystem::path folder) {
    Spool::use_folder(std::move(folder));
}

void register_parquet() {
    data::register_parser(data::Format::Parquet, &make_parquet_parser);
}

} // namespace sluice::store
