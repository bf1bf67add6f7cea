#include "core/app/wire/document.hpp"
#include "core/app/wire/value.hpp"
#include "core/base/random.hpp"
#include "core/data/json_text.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::app::wire {
namespace {

constexpr std::string_view kNoGuid = "00000000-0000-0000-0000-000000000000";

std::string new_guid() {
    const auto [high, low] = random_uuid_bits();
    std::string text;
    append_guid(text, {high, low});
    return text;
}

/// Tables of V1, which all documents of that version are made of.
class V1 : public Document {
public:
    explicit V1(DocumentContext context) : context_(std::move(context)) {}

    void begin(std::string& out) override { out += "{\"Tables\":["; }
    void begin_table(std::string& out, const engine::ResultTable& table) override {
        open(out, table.schema);
        names_.push_back(table.name);
        null_text_.assign(table.schema.size(), false);
        for (const std::size_t i : table.null_texts)
            null_text_[i] = true;
        empty_ = true;
    }
    void rows(std::string& out, const data::Chunk& chunk, std::size_t from, std::size_t to) override {
        if (from == to)
            return;
        if (!std::exchange(empty_, false))
            out += ',';
        append_rows(out, chunk, from, to, null_text_);
    }
    void end_table(std::string& out, const Failure* failure) override {
        if (failure) {
            exceptions_ = "\"Exceptions\":[";
            data::append_json_string(exceptions_, failure->text);
            exceptions_ += ']';
            out += (empty_ ? "{" : ",{") + exceptions_ + '}';
        }
        out += "]}";
    }
    void end(std::string& out, const End&) override {
        // No client can read a document without a table.
        if (tables_ == 0) {
            open(out, {});
            out += "]}";
        }
        close(out);
    }

protected:
    void open(std::string& out, const data::Schema& schema) {
        out += fmt::format("{}{{\"TableName\":\"Table_{}\",\"Columns\":", tables_ == 0 ? "" : ",", tables_);
        append_columns(out, schema, true);
        out += ",\"Rows\":[";
        ++tables_;
    }
    void close(std::string& out) {
        out += ']';
        if (!exceptions_.empty())
            out += ',' + exceptions_;
        out += '}';
    }

    const DocumentContext context_;
    std::size_t tables_ = 0;
    std::vector<std::string> names_;

private:
    std::vector<bool> null_text_;
    bool empty_ = true;
    std::string exceptions_;
};

class V1Query final : public V1 {
public:
    using V1::V1;

    void end(std::string& out, const End& end) override {
        properties(out);
        status(out, end);
        contents(out);
        close(out);
    }

private:
    void properties(std::string& out) {
        open(out, {{{"Value", data::ScalarType::String}}});
        out += '[';
        data::append_json_string(out, visualization_json(context_.visualization));
        out += "]]}";
    }

    void status(std::string& out, const End& end) {
        using data::ScalarType;
        open(out, {{{"Timestamp", ScalarType::DateTime},
                    {"Severity", ScalarType::Int},
                    {"SeverityName", ScalarType::String},
                    {"StatusCode", ScalarType::Int},
                    {"StatusDescription", ScalarType::String},
                    {"Count", ScalarType::Int},
                    {"RequestId", ScalarType::Guid},
                    {"ActivityId", ScalarType::Guid},
                    {"SubActivityId", ScalarType::Guid},
                    {"ClientActivityId", ScalarType::String}}});
        std::string time = "\"";
        append_datetime(time, end.now);
        time += '"';
        std::string ids;
        for (int i = 0; i < 3; ++i)
            ids += ",\"" + context_.activity_id + '"';
        ids += ',';
        data::append_json_string(ids, context_.client_request_id);
        out += '[' + time + ",4,\"Info\",0,\"Query completed successfully\",1" + ids + "],[" + time + ",6,\"Stats\",0,";
        std::string statistics = "{\"ExecutionTime\":";
        append_real(statistics, std::chrono::duration<double>(end.duration).count());
        data::append_json_string(out, statistics + '}');
        out += ",1" + ids + "]]}";
    }

    void contents(std::string& out) {
        using data::ScalarType;
        const std::size_t described = tables_;
        open(out, {{{"Ordinal", ScalarType::Long},
                    {"Kind", ScalarType::String},
                    {"Name", ScalarType::String},
                    {"Id", ScalarType::String},
                    {"PrettyName", ScalarType::String}}});
        for (std::size_t i = 0; i < described; ++i) {
            const bool is_status = i + 1 == described, is_properties = i + 2 == described;
            out += fmt::format("{}[{},\"{}\",", i == 0 ? "" : ",", i,
                               is_status       ? "QueryStatus"
                               : is_properties ? "QueryProperties"
                                               : "QueryResult");
            data::append_json_string(out, is_status       ? "QueryStatus"
                                          : is_properties ? "@ExtendedProperties"
                                                          : std::string_view(names_[i]));
            out += fmt::format(",\"{}\",\"\"]", is_status ? std::string(kNoGuid) : new_guid());
        }
        out += "]}";
    }
};

} // namespace

std::unique_ptr<Document> make_v1_command(DocumentContext context) {
    return std::make_unique<V1>(std::move(context));
}
std::unique_ptr<Document> make_v1_query(DocumentContext context) {
    return std::make_unique<V1Query>(std::move(context));
}

} // namespace sluice::app::wire
