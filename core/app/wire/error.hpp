#pragma once

#include "core/base/clock.hpp"
#include "core/base/error.hpp"

#include <string>

namespace sluice::app::wire {

/// Which part of the contract an error belongs to: the same failure has another code and type on the streaming path
/// (engine 1.7).
enum class Area { Query, Command, Streaming, Transport };

/// The wire form of an error.
struct ErrorShape {
    unsigned status = 500;
    std::string code;    ///< "General_BadRequest"
    std::string type;    ///< "Kusto.Data.Exceptions.SemanticException"
    std::string message; ///< fixed text of the family
    bool permanent = false;
};

/// The one table from errors to their wire form (rest-api 8.2, engine 1.7).
ErrorShape shape_of(const Error& error, Area area);

/// What an error says about the request it belongs to. Empty fields are left out.
struct ErrorContext {
    std::string client_request_id, activity_id;
    std::string text, database;
    Ticks now = 0;
};

/// The OneApi document: {"error":{...}} (rest-api 8.1).
std::string error_body(const Error& error, const ErrorShape& shape, const ErrorContext& context);

/// The result was cut, or a query used up a limit; what was delivered so far counts (rest-api 5.4).
bool is_truncation(const Error& error);

} // namespace sluice::app::wire
