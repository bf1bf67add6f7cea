#pragma once

#include "core/data/format.hpp"

#include <memory>

/// Internal to core/data: one function for each family of formats; make_parser chooses. Options are complete and
/// checked.
namespace sluice::data {

std::unique_ptr<Parser> make_delimited_parser(ParserOptions options); ///< csv, tsv, scsv, sohsv, psv, tsve
std::unique_ptr<Parser> make_text_parser(ParserOptions options);      ///< txt, raw
std::unique_ptr<Parser> make_json_parser(ParserOptions options);      ///< json, multijson, singlejson
std::unique_ptr<Parser> make_avro_parser(ParserOptions options);      ///< avro, apacheavro
std::unique_ptr<Parser> make_w3c_log_parser(ParserOptions options);   ///< w3clogfile

} // namespace sluice::data
