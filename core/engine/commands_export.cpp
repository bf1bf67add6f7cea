#include "core/data/gzip.hpp"
#include "core/data/json_text.hpp"
#include "core/data/text.hpp"
#include "core/engine/command_lexer.hpp"
#include "core/engine/commands.hpp"
#include "core/engine/entity_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

/// `.export to csv|tsv|json ('file:///...') <| query` (commands 4): files below `server.file_root`.
namespace sluice::engine {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::uint64_t kUsualSize = 100 * 1024 * 1024;

enum class Shape : std::uint8_t { Csv, Tsv, Json };

struct Options {
    Shape shape = Shape::Csv;
    bool compressed = false;
    std::string prefix = "export", extension;
    enum class Headers : std::uint8_t { None, All, FirstFile } headers = Headers::None;
    std::uint64_t size_limit = kUsualSize; ///< of one file before compression
};

struct Folder {
    std::string uri;
    std::filesystem::path path;
};

/// The folder that a URI means. Links are followed before the check: none may lead out of the root.
Result<Folder> resolve(const Context& context, const std::string& text) {
    std::string uri = text.substr(0, text.find(';'));
    while (uri.ends_with('/'))
        uri.pop_back();
    const std::size_t scheme = uri.find("://");
    if (scheme != std::string::npos && !same_word(std::string_view(uri).substr(0, scheme), "file"))
        return not_supported(fmt::format("Cannot export to '{}': this server writes file:// URIs only.", uri));
    const auto& root = context.options().file_root;
    if (root.empty())
        return bad_request(
            fmt::format("Cannot export to '{}': commands write no files here; set server.file_root to the "
                        "folder they may use.",
                        uri));
    std::error_code failed;
    const auto base = std::filesystem::weakly_canonical(root, failed);
    auto path = std::filesystem::weakly_canonical(scheme == std::string::npos ? uri : uri.substr(scheme + 3), failed);
    const auto [end, unused] = std::mismatch(base.begin(), base.end(), path.begin(), path.end());
    if (failed || end != base.end())
        return bad_request(fmt::format("Cannot export to '{}': it does not lie below server.file_root.", uri));
    std::filesystem::create_directories(path, failed);
    if (failed)
        return Error{ErrorCode::Io, fmt::format("Cannot export to '{}': {}", uri, failed.message())};
    return Folder{std::move(uri), std::move(path)};
}

/// A name that stays in its folder.
Result<std::string> name_part(const Properties& with, std::string_view property, std::string otherwise) {
    auto given = with.get(property);
    if (!given)
        return otherwise;
    if (given->find('/') != std::string::npos || given->find('\0') != std::string::npos || given->size() > 100)
        return bad_request(fmt::format("Property '{}' is '{}'; it takes a part of a file's name.", property, *given));
    return std::move(*given);
}

Result<Options> options_of(const Arguments& arguments) {
    const Properties& with = arguments.properties();
    SLUICE_CHECK(
        with.only({"sizeLimit", "includeHeaders", "fileExtension", "namePrefix", "encoding", "compressionType",
                   "distributed", "distribution", "distributionKind", "concurrency", "useNativeParquetWriter"}));
    Options options;
    options.shape = arguments.said("csv") ? Shape::Csv : arguments.said("tsv") ? Shape::Tsv : Shape::Json;
    const std::string compression = with.get("compressionType").value_or("gzip");
    options.compressed = arguments.said("compressed");
    if (options.compressed && !same_word(compression, "gzip"))
        return not_supported(
            fmt::format("Compression '{}' is not offered by this server; there is gzip.", compression));
    SLUICE_TRY(options.prefix, name_part(with, "namePrefix", "export"));
    const char* usual = options.shape == Shape::Csv ? ".csv" : options.shape == Shape::Tsv ? ".tsv" : ".json";
    SLUICE_TRY(options.extension, name_part(with, "fileExtension", usual));
    if (options.compressed)
        options.extension += ".gz";
    const std::string headers = with.get("includeHeaders").value_or("none");
    if (same_word(headers, "all"))
        options.headers = Options::Headers::All;
    else if (same_word(headers, "firstFile"))
        options.headers = Options::Headers::FirstFile;
    else if (!same_word(headers, "none"))
        return bad_request(fmt::format("Property 'includeHeaders' is '{}'; it takes none, all or firstFile.", headers));
    if (const auto limit = with.get("sizeLimit")) {
        const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), options.size_limit);
        if (error != std::errc() || end != limit->data() + limit->size() || options.size_limit == 0)
            return bad_request(fmt::format("Property 'sizeLimit' is '{}'; it takes a number of bytes.", *limit));
    }
    return options;
}

/// The value as text without quotes; "" for null.
std::string text_of(const data::Column& column, std::size_t row) {
    using data::ScalarType;
    if (column.is_null(row))
        return {};
    switch (column.type()) {
    case ScalarType::Bool:
        return column.get<std::uint8_t>(row) ? "true" : "false";
    case ScalarType::Int:
        return std::to_string(column.get<std::int32_t>(row));
    case ScalarType::Long:
        return std::to_string(column.get<std::int64_t>(row));
    case ScalarType::Real:
        return data::format_real(column.get<double>(row));
    case ScalarType::Decimal:
        return data::format_decimal(column.get<data::Decimal>(row));
    case ScalarType::DateTime:
        return data::format_datetime(column.get<Ticks>(row));
    case ScalarType::TimeSpan:
        return data::format_timespan(column.get<Ticks>(row));
    case ScalarType::Guid:
        return data::format_guid(column.get<data::Guid>(row));
    case ScalarType::String:
    case ScalarType::Dynamic:
        break;
    }
    return std::string(column.text(row));
}

void append_csv(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text)
        out.append(c == '"' ? 2 : 1, c);
    out += '"';
}

void append_json(std::string& out, const data::Column& column, std::size_t row) {
    using data::ScalarType;
    const std::string text = text_of(column, row);
    const ScalarType type = column.type();
    const bool plain = type == ScalarType::Bool || type == ScalarType::Int || type == ScalarType::Long ||
                       type == ScalarType::Dynamic ||
                       (type == ScalarType::Real && text.find_first_of("nNiI") == std::string::npos);
    if (column.is_null(row))
        out += "null";
    else if (plain && !text.empty())
        out += text;
    else
        data::append_json_string(out, text);
}

void append_field(std::string& out, Shape shape, std::string_view text) {
    if (shape == Shape::Tsv)
        data::append_tsv_escaped(out, text);
    else
        append_csv(out, text);
}

void append_header(std::string& out, Shape shape, const data::Schema& schema) {
    for (std::size_t i = 0; i < schema.size(); ++i) {
        if (i > 0)
            out += shape == Shape::Tsv ? '\t' : ',';
        append_field(out, shape, schema[i].name);
    }
    out += '\n';
}

void append_row(std::string& out, Shape shape, const data::Schema& schema, const data::Chunk& chunk, std::size_t row) {
    if (shape == Shape::Json)
        out += '{';
    for (std::size_t i = 0; i < schema.size(); ++i) {
        if (i > 0)
            out += shape == Shape::Tsv ? '\t' : ',';
        if (shape == Shape::Json) {
            data::append_json_string(out, schema[i].name);
            out += ':';
            append_json(out, chunk.column(i), row);
        } else {
            append_field(out, shape, text_of(chunk.column(i), row));
        }
    }
    out += shape == Shape::Json ? "}\n" : "\n";
}

/// The files of one export; they go again unless all of them were finished.
class Files {
public:
    struct File {
        std::string uri;
        std::filesystem::path path;
        std::int64_t records = 0;
    };

    Files(std::vector<Folder> folders, const Options& options) : folders_(std::move(folders)), options_(options) {}
    ~Files() {
        std::error_code ignored;
        if (!finished_)
            for (const File& file : files_)
                std::filesystem::remove(file.path, ignored);
    }
    Files(const Files&) = delete;
    Files& operator=(const Files&) = delete;

    Result<> add(const data::Schema& schema, const data::Chunk& chunk) {
        for (std::size_t row = 0; row < chunk.rows(); ++row) {
            if (files_.empty() || size_ >= options_.size_limit)
                SLUICE_CHECK(open(schema));
            const std::size_t before = pending_.size();
            append_row(pending_, options_.shape, schema, chunk, row);
            size_ += pending_.size() - before;
            ++files_.back().records;
            if (pending_.size() >= kBlock)
                SLUICE_CHECK(write());
        }
        return {};
    }

    Result<std::vector<File>> finish() {
        SLUICE_CHECK(close());
        finished_ = true;
        return files_;
    }

private:
    Result<> open(const data::Schema& schema) {
        SLUICE_CHECK(close());
        // Several folders share the files evenly.
        const Folder& folder = folders_[files_.size() % folders_.size()];
        const std::string name = fmt::format("{}_{}_{}{}", options_.prefix, files_.size() + 1,
                                             data::format_guid(data::random_guid()), options_.extension);
        files_.push_back({folder.uri + "/" + name, folder.path / name, 0});
        stream_.open(files_.back().path, std::ios::binary | std::ios::trunc);
        size_ = 0;
        const bool header = options_.headers == Options::Headers::All ||
                            (options_.headers == Options::Headers::FirstFile && files_.size() == 1);
        if (header && options_.shape != Shape::Json)
            append_header(pending_, options_.shape, schema);
        return check();
    }
    /// Several gzip members after each other are one gzip file.
    Result<> write() {
        if (!pending_.empty())
            stream_ << (options_.compressed ? data::gzip(pending_) : pending_);
        pending_.clear();
        return check();
    }
    Result<> close() {
        if (files_.empty())
            return {};
        SLUICE_CHECK(write());
        stream_.close();
        return check();
    }
    Result<> check() const {
        if (stream_)
            return {};
        return Error{ErrorCode::Io, fmt::format("'{}' could not be written; is the disk full?", files_.back().uri)};
    }

    const std::vector<Folder> folders_;
    const Options& options_;
    std::vector<File> files_;
    std::ofstream stream_;
    std::string pending_;
    std::uint64_t size_ = 0;
    bool finished_ = false;
};

} // namespace

Result<CommandResult> export_data(Context& context, const Arguments& arguments) {
    if (arguments.said("parquet"))
        return not_supported("This server does not offer export to parquet; there are csv, tsv and json.");
    SLUICE_TRY(const auto options, options_of(arguments));
    std::vector<Folder> folders;
    for (const std::string& uri : arguments.get("uris").items) {
        SLUICE_TRY(auto folder, resolve(context, uri));
        folders.push_back(std::move(folder));
    }
    SLUICE_TRY(auto answer, context.answer_of(arguments.get("query")));
    ResultTable& rows = answer.tables.front();
    Files files(std::move(folders), options);
    for (;;) {
        SLUICE_TRY(const auto chunk, rows.next());
        if (!chunk)
            break;
        SLUICE_CHECK(files.add(rows.schema, *chunk));
    }
    SLUICE_TRY(const auto written, files.finish());
    CommandResult result("Path:string, NumRecords:long");
    for (const auto& file : written)
        result.add({file.uri, file.records});
    return result;
}

} // namespace sluice::engine
