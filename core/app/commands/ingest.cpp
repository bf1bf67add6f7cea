#include "core/app/client.hpp"
#include "core/app/commands/commands.hpp"
#include "core/app/commands/result_text.hpp"
#include "core/app/http_coding.hpp"
#include "core/app/http_url.hpp"
#include "core/data/format.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sluice::app {
namespace {

/// What a streaming request may hold, and what a command may hold with room for the command around the data.
constexpr Bytes kStreamingLimit = 4_MiB;
constexpr Bytes kCommandLimit = 9_MiB;

struct Upload {
    std::string name, format, bytes; ///< uncompressed
};

Result<Upload> read_upload(const std::string& file, const IngestOptions& options) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(file, ec))
        return Error{ErrorCode::NotFound, fmt::format("{}: there is no such file", file)};
    Upload upload{.name = file, .format = options.format, .bytes = {}};
    if (upload.format.empty()) {
        const auto format = data::format_of_file_name(file);
        if (!format)
            return Error{
                ErrorCode::Invalid,
                fmt::format("{}: the name does not say the format; give it with --format csv|json|multijson|...",
                            file)};
        upload.format = data::to_string(*format);
    }
    const auto size = std::filesystem::file_size(file, ec);
    const auto too_large = [&](Bytes bytes) {
        return Error{ErrorCode::TooLarge, fmt::format("{}: {} bytes are more than one request can store at once ({} "
                                                      "bytes). Cutting the file would end its being stored "
                                                      "whole or not at all. Cut it yourself, or drop it into a folder "
                                                      "that a connection of kind EventGrid watches.",
                                                      file, bytes, kCommandLimit)};
    };
    if (ec || size > kCommandLimit)
        return too_large(size);
    std::ifstream stream(file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    if (!stream)
        return Error{ErrorCode::Io, fmt::format("{}: cannot be read", file)};
    auto decoded = decode_body(std::move(text).str(), {}, kCommandLimit);
    if (!decoded)
        return Error{ErrorCode::Invalid, fmt::format("{}: {}", file, decoded.error().message)};
    if (decoded->bytes.size() > kCommandLimit)
        return too_large(decoded->bytes.size());
    upload.bytes = std::move(decoded->bytes);
    return upload;
}

class ProgressBar {
public:
    ProgressBar(std::string name, Bytes total)
        : name_(std::move(name)), total_(total), shown_(::isatty(STDERR_FILENO)) {}
    ~ProgressBar() {
        if (shown_)
            std::fprintf(stderr, "\r\x1b[K");
    }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(Bytes sent) const {
        if (!shown_ || total_ == 0)
            return;
        constexpr std::size_t kWidth = 30;
        const auto filled = static_cast<std::size_t>(kWidth * sent / total_);
        std::fprintf(stderr, "\r%s [%s%s] %3llu%%", name_.c_str(), std::string(filled, '#').c_str(),
                     std::string(kWidth - filled, '.').c_str(), static_cast<unsigned long long>(100 * sent / total_));
        std::fflush(stderr);
    }

private:
    const std::string name_;
    const Bytes total_;
    const bool shown_;
};

class Uploader {
public:
    Uploader(ServerAddress server, const IngestOptions& options) : client_(std::move(server)), options_(options) {}

    Result<std::string> send(const Upload& upload) {
        if (options_.path == "queued" || !options_.tags.empty())
            return send_direct(upload, options_.tags.empty() ? "" : " (tags need an extent)");
        if (upload.bytes.size() > kStreamingLimit && options_.path == "auto")
            return send_direct(upload, " (too large to stream)");
        auto streamed = stream(upload);
        if (streamed || options_.path == "streaming" || !is_about_streaming(streamed.error()))
            return streamed;
        return send_direct(upload, " (the table does not stream)");
    }

private:
    /// The table or the bridge does not stream, or the request is over the limit: another way may work.
    static bool is_about_streaming(const Error& error) {
        return error.code == ErrorCode::Unsupported || error.code == ErrorCode::TooLarge ||
               error.message.find("not enabled") != std::string::npos;
    }

    Result<std::string> stream(const Upload& upload) {
        std::string path = fmt::format("/v1/rest/ingest/{}/{}?streamFormat={}", percent_encode(database()),
                                       percent_encode(options_.table), percent_encode(upload.format));
        if (!options_.mapping.empty())
            path += "&mappingName=" + percent_encode(options_.mapping);
        SLUICE_TRY(const auto answer, post(path, upload, upload.bytes, "application/octet-stream"));
        const auto json = nlohmann::json::parse(answer.body, nullptr, false);
        const auto row = nlohmann::json::json_pointer("/Tables/0/Rows/0/0");
        return fmt::format("{} rows streamed into the row store, queryable now",
                           json.is_object() && json.contains(row) ? json[row].dump() : "?");
    }

    /// One `.ingest inline`: all rows of the file or none, in an extent of their own.
    Result<std::string> send_direct(const Upload& upload, std::string_view why) {
        const nlohmann::json envelope{{"db", options_.database}, {"csl", inline_command(upload)}};
        const std::string body = envelope.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        SLUICE_TRY(const auto answer, post("/v1/rest/mgmt", upload, body, "application/json"));
        const auto json = nlohmann::json::parse(answer.body, nullptr, false);
        const auto row = nlohmann::json::json_pointer("/Tables/0/Rows/0/0");
        return fmt::format("ingested directly{}, queryable now, extent {}", why,
                           json.is_object() && json.contains(row) ? json[row].get<std::string>() : "?");
    }

    std::string inline_command(const Upload& upload) const {
        std::string properties = fmt::format("format='{}'", upload.format);
        if (!options_.mapping.empty())
            properties += fmt::format(", ingestionMappingReference={}", quoted(options_.mapping));
        if (!options_.tags.empty())
            properties += fmt::format(", tags={}", quoted(nlohmann::json(options_.tags).dump()));
        return fmt::format(".ingest inline into table [{}] with ({}) <|\n{}", quoted(options_.table), properties,
                           upload.bytes);
    }

    static std::string quoted(std::string_view text) {
        std::string out = "'";
        for (const char c : text) {
            if (c == '\'' || c == '\\')
                out += '\\';
            out += c;
        }
        return out + '\'';
    }

    Result<HttpResponse> post(const std::string& path, const Upload& upload, std::string_view body, const char* type) {
        ProgressBar bar(upload.name, body.size());
        SLUICE_TRY(auto answer,
                   client_.post(path, body, {{"Content-Type", type}}, [&](Bytes sent) { bar.show(sent); }));
        if (answer.status != 200)
            return error_of(answer);
        return answer;
    }

    std::string database() const { return options_.database.empty() ? "NetDefaultDB" : options_.database; }

    HttpClient client_;
    const IngestOptions& options_;
};

} // namespace

int ingest_command(const IngestOptions& options, const GlobalOptions&) {
    auto server = parse_server(options.server);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().message.c_str());
        return kExitUsage;
    }
    Uploader uploader(std::move(*server), options);
    int code = kExitDone;
    for (const std::string& file : options.files) {
        const auto upload = read_upload(file, options);
        const auto done = upload ? uploader.send(*upload) : Result<std::string>(upload.error());
        if (done) {
            std::printf("%s: %s\n", file.c_str(), done->c_str());
            continue;
        }
        const bool named = done.error().message.starts_with(file);
        std::fprintf(stderr, "%s%s%s\n", named ? "" : file.c_str(), named ? "" : ": ", done.error().message.c_str());
        if (done.error().code == ErrorCode::Unavailable)
            return kExitUnreachable;
        code = kExitFailed;
    }
    return code;
}

} // namespace sluice::app
