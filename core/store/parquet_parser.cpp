#include "core/data/bound_mapping.hpp"
#include "core/data/cells.hpp"
#include "core/data/format.hpp"
#include "core/store/cells.hpp"
#include "core/store/parquet.hpp"
#include "core/store/parquet_columns.hpp"

#include <duckdb.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

namespace sluice::store {
namespace {

using data::BoundElement;
using data::ParseOutcome;
using data::ScalarType;
using data::Transform;

constexpr std::string_view kMagic = "PAR1";

Error damaged(std::string_view what) {
    return Error{ErrorCode::Invalid, fmt::format("the source is no Parquet file that can be read: {}", what),
                 "BadRequest_InvalidBlob"};
}

/// A temporary file without a name: it goes with its descriptor, whatever happens to the process.
class Spool {
public:
    Spool() = default;
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;
    ~Spool() { close(); }

    void close() {
        if (file_ >= 0)
            ::close(file_);
        file_ = -1;
        size_ = 0;
    }
    Result<> append(std::string_view bytes) {
        if (file_ < 0) {
            const std::filesystem::path folder = std::filesystem::temp_directory_path();
            file_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
            if (file_ < 0)
                return failed("create a file in " + folder.string());
        }
        while (!bytes.empty()) {
            const ssize_t written = ::write(file_, bytes.data(), bytes.size());
            if (written < 0 && errno != EINTR)
                return failed("write");
            bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
            size_ += written < 0 ? 0 : static_cast<Bytes>(written);
        }
        return {};
    }
    Bytes size() const { return size_; }
    std::string path() const { return fmt::format("/proc/self/fd/{}", file_); }

private:
    static Error failed(const std::string& what) {
        return Error{
            ErrorCode::Unavailable,
            fmt::format("a Parquet file is kept on disk while it is read; cannot {}: {}", what, std::strerror(errno))};
    }

    int file_ = -1;
    Bytes size_ = 0;
};

/// The DuckDB that reads Parquet for all parsers; holds no data. Made when the first file comes.
class Reader {
public:
    static Result<ConnectionHandle> connect() {
        static Reader reader;
        ConnectionHandle connection;
        if (!reader.ready_ || duckdb_connect(reader.database_.get(), connection.address()) != DuckDBSuccess)
            return Error{ErrorCode::Internal, "DuckDB could not be started to read a Parquet file"};
        return connection;
    }

private:
    Reader() {
        if (duckdb_open(nullptr, database_.address()) != DuckDBSuccess)
            return;
        ConnectionHandle connection;
        if (duckdb_connect(database_.get(), connection.address()) != DuckDBSuccess)
            return;
        // One thread keeps the rows in the order of the file. Descriptors are used again for other files, so nothing
        // may be remembered by their names.
        ready_ = true;
        for (const char* setting :
             {"SET threads = 1", "SET enable_external_file_cache = false", "SET memory_limit = '256MB'",
              "SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false"})
            ready_ = ready_ && run(connection.get(), setting).has_value();
    }

    DatabaseHandle database_;
    bool ready_ = false;
};

/// Reads a Parquet file when all of it is there (formats-and-mappings 6). The columns whose values DuckDB hands over as
/// they are stored come first; behind them one text for each column that Cells coerces, and the number of values in
/// the row that the matrix turned into null.
class ParquetParser final : public data::Parser {
public:
    explicit ParquetParser(data::ParserOptions options) : options_(std::move(options)) {}

    using Parser::begin;
    void begin(const data::SourceFacts& source) override {
        end_reading();
        spool_.close();
        head_.clear();
        location_ = source.location;
        outcome_ = {};
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
                return damaged("a part of it is broken");
            if (!*chunk) {
                complete_ = true;
                end_reading();
                return false;
            }
            if (duckdb_data_chunk_get_size(chunk->get()) == 0)
                continue;
            SLUICE_TRY(data::Chunk raw, reader_->read(chunk->get()));
            take(std::move(raw), rows);
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
        if (outcome_.rows == 0)
            return Error{ErrorCode::Invalid, "the source holds no record in format parquet",
                         "BadRequest_NoRecordsOrWrongFormat"};
        return outcome_;
    }

private:
    struct Text {
        std::size_t column;
        bool json;
        Transform transform;
    };

    void end_reading() {
        reader_.reset();
        result_ = RawResult();
        statement_ = Statement();
        connection_ = ConnectionHandle();
    }

    Result<> start() {
        if (spool_.size() < 3 * kMagic.size())
            return damaged("it is cut short");
        SLUICE_TRY(connection_, Reader::connect());
        const std::string table = fmt::format("read_parquet({})", literal(spool_.path()));
        SLUICE_CHECK(read_columns(table));
        SLUICE_TRY(statement_, prepare(select(table)));
        auto streamed = statement_.stream();
        if (!streamed)
            return damaged("it cannot be opened");
        result_ = std::move(*streamed);
        SLUICE_TRY(reader_, ResultReader::make(result_, result_types_));
        return {};
    }

    Result<Statement> prepare(const std::string& sql) {
        auto prepared = Statement::prepare(connection_.get(), sql);
        if (!prepared)
            return damaged("its footer is broken, or it uses what DuckDB does not know");
        return prepared;
    }

    /// The columns of the file and their types.
    Result<> read_columns(const std::string& table) {
        SLUICE_TRY(Statement none, prepare("SELECT * FROM " + table + " LIMIT 0"));
        auto result = none.stream();
        if (!result)
            return damaged("its footer is broken");
        SLUICE_TRY(const auto physical, read_physical());
        columns_.clear();
        auto* raw = static_cast<duckdb_result*>(result->raw());
        for (std::size_t i = 0; i < result->columns(); ++i) {
            const std::string name = duckdb_column_name(raw, i);
            const auto found = physical.find(name);
            columns_.push_back({name, result->column_logical_type(i),
                                found == physical.end() ? ParquetPhysical::Other : found->second});
        }
        return {};
    }

    /// How the top-level columns lie in the file, by name.
    Result<std::map<std::string, ParquetPhysical>> read_physical() {
        const data::Schema schema{
            {{"name", ScalarType::String}, {"type", ScalarType::String}, {"children", ScalarType::Long}}};
        auto chunks =
            read_all(connection_.get(),
                     "SELECT name, type, CASE WHEN converted_type = 'BSON' THEN -1 ELSE coalesce(num_children, 0) END "
                     "FROM parquet_schema(" +
                         literal(spool_.path()) + ")",
                     {}, schema);
        if (!chunks)
            return damaged("its footer is broken");
        std::map<std::string, ParquetPhysical> physical;
        bool root = true;
        std::int64_t inside = 0; // of a nested column: elements still to come
        for (const data::Chunk& chunk : *chunks) {
            for (std::size_t row = 0; row < chunk.rows(); ++row) {
                const std::int64_t children = chunk.column(2).get<std::int64_t>(row);
                if (std::exchange(root, false))
                    continue;
                if (inside > 0) {
                    inside += std::max<std::int64_t>(children, 0) - 1;
                    continue;
                }
                inside = std::max<std::int64_t>(children, 0);
                const std::string_view type = chunk.column(1).text(row);
                if (children == 0 && type == "BYTE_ARRAY")
                    physical[std::string(chunk.column(0).text(row))] = ParquetPhysical::Bytes;
                else if (children == 0 && type == "FIXED_LEN_BYTE_ARRAY")
                    physical[std::string(chunk.column(0).text(row))] = ParquetPhysical::FixedBytes;
            }
        }
        return physical;
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
        ParquetPhysical physical;
    };

    ParquetValue copy_of(const FileColumn& column) const {
        // The C API has no copy of a type; a list of it gives one back.
        const TypeHandle list(duckdb_create_list_type(column.type.get()));
        return {identifier(column.name), TypeHandle(duckdb_list_type_child_type(list.get())), column.physical};
    }

    std::string record_json() const {
        std::string members;
        for (const FileColumn& column : columns_)
            members += fmt::format("{}{} := {}", members.empty() ? "" : ", ", identifier(column.name),
                                   json_of(identifier(column.name), column.type.get()));
        return fmt::format("to_json(struct_pack({}))::VARCHAR", members);
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
            texts_.push_back(text);
            text_sql += ", " + sql;
            result_types_.columns.push_back(
                {fmt::format("text{}", texts_.size()), ScalarType::Dynamic}); // dynamic keeps nulls
        };
        const auto add = [&](std::size_t column, const data::Path& path, Transform transform) {
            if (path.steps.empty())
                return add_text({column, true, Transform::None}, record_json());
            const ParquetValue value = value_at(path);
            if (data::is_unix_time(transform))
                return add_text({column, false, transform}, unix_time_text(value));
            const ParquetColumn converted = convert(value, schema[column].type);
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
                    add(element.column, element.path, element.transform);
        } else {
            for (std::size_t i = 0; i < schema.size(); ++i) {
                data::Path path;
                path.steps.push_back({.name = schema[i].name});
                add(i, path, Transform::None);
            }
        }
        result_types_.columns.push_back({"misfits", ScalarType::Long});
        return fmt::format("SELECT {}{}, (0{})::BIGINT FROM {}", fmt::join(stored, ", "), text_sql, misfits, table);
    }

    void take(data::Chunk raw, data::Rows& rows) {
        const std::size_t columns = options_.schema->size(), count = raw.rows();
        const std::size_t misfits = columns + texts_.size();
        for (std::size_t row = 0; row < count; ++row) {
            raw.set_rows(row);
            cells_.begin_row(raw);
            cells_.check_utf8(false); // DuckDB refuses files whose texts are no UTF-8
            for (std::size_t i = 0; i < texts_.size(); ++i)
                if (!raw.column(columns + i).is_null(row))
                    fill(texts_[i], raw.column(columns + i).text(row));
            fill_constants();
            outcome_.nulled += static_cast<std::uint64_t>(raw.column(misfits).get<std::int64_t>(row));
            ++outcome_.rows;
        }
        raw.set_rows(count);
        rows.add_chunk(std::move(raw).select(*options_.schema, [](std::size_t i) { return i; }));
    }

    void fill(const Text& text, std::string_view value) {
        if (text.transform != Transform::None)
            cells_.unix_time(text.column, value, text.transform);
        else if (text.json)
            cells_.json(text.column, value);
        else
            cells_.text(text.column, value);
    }

    void fill_constants() {
        if (!options_.mapping)
            return;
        for (const BoundElement& element : options_.mapping->elements()) {
            if (element.source == BoundElement::Source::Constant)
                cells_.text(element.column, element.constant);
            else if (element.source == BoundElement::Source::Location)
                cells_.text(element.column, location_);
            else if (element.source == BoundElement::Source::LineNumber)
                cells_.line_number(element.column, outcome_.rows + 1);
        }
    }

    const data::ParserOptions options_;
    ParseOutcome outcome_;
    data::Cells cells_{outcome_, options_.max_values};
    std::string location_;
    Spool spool_;
    std::string head_;
    bool complete_ = false;

    std::vector<FileColumn> columns_;
    std::vector<Text> texts_;
    data::Schema result_types_;
    // In the order in which they depend on each other.
    ConnectionHandle connection_;
    Statement statement_;
    RawResult result_;
    std::optional<ResultReader> reader_;
};

Result<std::unique_ptr<data::Parser>> make_parquet_parser(data::ParserOptions options) {
    if (options.mapping)
        for (const BoundElement& element : options.mapping->elements())
            if (element.transform == Transform::DropMappedFields ||
                element.transform == Transform::PropertyBagArrayToDictionary)
                return Error{
                    ErrorCode::Unsupported,
                    fmt::format(
                        "mapping '{}': the transforms DropMappedFields and PropertyBagArrayToDictionary do not work on "
                        "parquet in this version; map the column without a transform",
                        options.mapping->name()),
                    "BadRequest_InvalidMapping"};
    return std::unique_ptr<data::Parser>(std::make_unique<ParquetParser>(std::move(options)));
}

} // namespace

void register_parquet() {
    data::register_parser(data::Format::Parquet, &make_parquet_parser);
}

} // namespace sluice::store
