#pragma once

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"

#include <map>
#include <string>

namespace sluice::engine {

/// The request's options with what the text itself asks for: `set notruncation; set truncationmaxrecords=1000; T`.
/// `statements` holds names in lower case and values as JSON text (kql::QueryPlan::options). Names that mean nothing
/// here are ignored, as they are among request properties; a value of the wrong type is an error.
Result<RequestOptions> with_statement_options(RequestOptions asked,
                                              const std::map<std::string, std::string>& statements);

} // namespace sluice::engine
