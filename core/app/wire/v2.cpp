#include "core/app/wire/document.hpp"
#include "core/app/wire/value.hpp"
#include "core/data/json_text.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::app::wire {
namespace {

/// Rows and bytes after which a fragment ends.
constexpr std::size_t kFragmentRows = 10'000;
constexpr std::size_t kFragmentBytes = 1024 * 1024;

class V2 final : public Document {
public:
    V2(DocumentContext context, V2Options options) : context_(std::move(context)), options_(options) {}

    void begin(std::string& out) override {
        out += '[';
        out += fmt::format(
            "{{\"FrameType\":\"DataSetHeader\",\"IsProgressive\":false,\"Version\":\"v2.0\",\"IsFragmented\":{},"
            "\"ErrorReportingPlacement\":\"{}\"}}",
            options_.fragmented, options_.fragmented ? "EndOfTable" : "InData");
        next_frame(out);
        using data::ScalarType;
        open_data_table(out, "QueryProperties", "@ExtendedProperties",
                        {{{"TableId", ScalarType::Int}, {"Key", ScalarType::String}, {"Value", ScalarType::Dynamic}}});
        const std::string drawing = visualization_json(context_.visualization);
        for (std::size_t i = 0; i < context_.tables; ++i) {
            out += fmt::format("{}[{},\"Visualization\",", i == 0 ? "" : ",", i + 1);
            data::append_json_string(out, drawing);
            out += ']';
        }
        out += "]}";
    }

    void begin_table(std::string& out, const engine::ResultTable& table) override {
        next_frame(out);
        null_text_.assign(table.schema.size(), false);
        for (const std::size_t i : table.null_texts)
            null_text_[i] = true;
        empty_ = true;
        row_count_ = 0;
        if (!options_.fragmented)
            return open_data_table(out, "PrimaryResult", table.name, table.schema);
        out +=
            fmt::format("{{\"FrameType\":\"TableHeader\",\"TableId\":{},\"TableKind\":\"PrimaryResult\",\"TableName\":",
                        next_table_++);
        data::append_json_string(out, table.name);
        out += ",\"Columns\":";
        append_columns(out, table.schema, false);
        out += '}';
    }

    void rows(std::string& out, const data::Chunk& chunk, std::size_t from, std::size_t to) override {
        if (from == to)
            return;
        const std::size_t before = out.size();
        if (options_.fragmented)
            open_fragment(out);
        else if (!std::exchange(empty_, false))
            out += ',';
        append_rows(out, chunk, from, to, null_text_);
        row_count_ += to - from;
        if (!options_.fragmented)
            return;
        fragment_rows_ += to - from;
        fragment_bytes_ += out.size() - before;
        if (fragment_rows_ >= kFragmentRows || fragment_bytes_ >= kFragmentBytes)
            close_fragment(out);
    }

    void end_table(std::string& out, const Failure* failure) override {
        if (failure)
            failure_ = "\"OneApiErrors\":[" + failure->one_api + ']';
        const bool in_rows = failure && !options_.defer_failures;
        if (!options_.fragmented) {
            if (in_rows)
                out += (empty_ ? "{" : ",{") + failure_ + '}';
            out += "]}";
            return;
        }
        close_fragment(out);
        next_frame(out);
        out += fmt::format("{{\"FrameType\":\"TableCompletion\",\"TableId\":{},\"RowCount\":{}", next_table_ - 1,
                           row_count_);
        if (in_rows)
            out += ',' + failure_;
        out += '}';
    }

    void end(std::string& out, const End& end) override {
        next_frame(out);
        completion_information(out, end);
        next_frame(out);
        out += fmt::format("{{\"FrameType\":\"DataSetCompletion\",\"HasErrors\":{},\"Cancelled\":false",
                           !failure_.empty());
        if (!failure_.empty())
            out += ',' + failure_;
        out += '}';
        out += options_.newlines ? "\n]" : "]";
    }

private:
    /// Go takes frames apart by lines and wants the comma in front of each.
    void next_frame(std::string& out) const { out += options_.newlines ? "\n," : ","; }

    void open_data_table(std::string& out, std::string_view kind, std::string_view name, const data::Schema& schema) {
        out += fmt::format(
            "{{\"FrameType\":\"DataTable\",\"TableId\":{},\"TableKind\":\"{}\",\"TableName\":", next_table_++, kind);
        data::append_json_string(out, name);
        out += ",\"Columns\":";
        append_columns(out, schema, false);
        out += ",\"Rows\":[";
    }

    void open_fragment(std::string& out) {
        if (std::exchange(in_fragment_, true)) {
            out += ',';
            return;
        }
        next_frame(out);
        out += fmt::format(
            "{{\"FrameType\":\"TableFragment\",\"TableFragmentType\":\"DataAppend\",\"TableId\":{},\"Rows\":[",
            next_table_ - 1);
        fragment_rows_ = fragment_bytes_ = 0;
    }
    void close_fragment(std::string& out) {
        if (std::exchange(in_fragment_, false))
            out += "]}";
    }

    void completion_information(std::string& out, const End& end) {
        using data::ScalarType;
        open_data_table(out, "QueryCompletionInformation", "QueryCompletionInformation",
                        {{{"Timestamp", ScalarType::DateTime},
                          {"ClientRequestId", ScalarType::String},
                          {"ActivityId", ScalarType::Guid},
                          {"SubActivityId", ScalarType::Guid},
                          {"ParentActivityId", ScalarType::Guid},
                          {"Level", ScalarType::Int},
                          {"LevelName", ScalarType::String},
                          {"StatusCode", ScalarType::Int},
                          {"StatusCodeName", ScalarType::String},
                          {"EventType", ScalarType::Int},
                          {"EventTypeName", ScalarType::String},
                          {"Payload", ScalarType::String}}});
        std::string common = "[\"";
        append_datetime(common, end.now);
        common += "\",";
        data::append_json_string(common, context_.client_request_id);
        for (int i = 0; i < 3; ++i)
            common += ",\"" + context_.activity_id + '"';
        if (failure_.empty())
            out +=
                common +
                R"-(,4,"Info",0,"S_OK (0)",4,"QueryInfo","{\"Count\":1,\"Text\":\"Query completed successfully\"}"],)-";
        std::string statistics = "{\"ExecutionTime\":";
        append_real(statistics, std::chrono::duration<double>(end.duration).count());
        out += common + R"-(,6,"Stats",0,"S_OK (0)",0,"QueryResourceConsumption",)-";
        data::append_json_string(out, statistics + '}');
        out += "]]}";
    }

    const DocumentContext context_;
    const V2Options options_;
    std::size_t next_table_ = 0;
    std::vector<bool> null_text_;
    bool empty_ = true, in_fragment_ = false;
    std::size_t row_count_ = 0, fragment_rows_ = 0, fragment_bytes_ = 0;
    std::string failure_;
};

} // namespace

std::unique_ptr<Document> make_v2(DocumentContext context, V2Options options) {
    return std::make_unique<V2>(std::move(context), options);
}

} // namespace sluice::app::wire
