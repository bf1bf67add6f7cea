#pragma once

#include <string>
#include <utility>

namespace sluice {

/// What a program can do about a failure. The wire form (HTTP status, Kusto code) is decided in core/engine/error_body.
enum class ErrorCode {
    Invalid,     ///< the caller's input is wrong; repeating it cannot help
    NotFound,    ///< an entity that was named does not exist
    Conflict,    ///< exists already, or a newer owner holds it
    Denied,      ///< credentials or rights
    Unsupported, ///< known, but not offered here
    TooLarge,    ///< over a limit on size
    Throttled,   ///< over a limit on concurrency or capacity; later it may work
    Timeout,     ///< the time given was used up
    Cancelled,   ///< somebody asked for the end
    Unavailable, ///< something outside this process is away; retry with back-off
    Io,          ///< a file or disk refused
    Internal,    ///< an invariant broke
};

/// A failure: a code that a program can act on and a sentence that a person can act on.
struct Error {
    ErrorCode code = ErrorCode::Internal;
    std::string message;
    /// Azure Data Explorer's own code where one exists, such as "BadRequest_TableNotExist" (spec engine 7.3); else empty.
    std::string reason = {};

    Error(ErrorCode code_, std::string message_, std::string reason_ = {})
        : code(code_), message(std::move(message_)), reason(std::move(reason_)) {}

    /// The same input will fail again. What clients see as "@permanent"; tells the router whether to retry.
    bool permanent() const {
        switch (code) {
        case ErrorCode::Invalid:
        case ErrorCode::NotFound:
        case ErrorCode::Conflict:
        case ErrorCode::Denied:
        case ErrorCode::Unsupported:
        case ErrorCode::TooLarge:
            return true;
        default:
            return false;
        }
    }
};

} // namespace sluice
