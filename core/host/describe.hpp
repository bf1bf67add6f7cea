#pragma once

#include "core/host/library.hpp"
#include "core/host/registry.hpp"

#include <string>
#include <vector>

/// What `sluice plugin describe` and `sluice plugin list` print.
namespace sluice::host {

/// A descriptor as indented JSON; ends in a line break.
std::string describe_json(const Descriptor& plugin);
/// What describe_json wrote. Invalid: it is not that.
Result<Descriptor> parse_descriptor(const std::string& json);
/// A descriptor for people: what it is, then a table of its options.
std::string describe_text(const Descriptor& plugin);

/// A page of documentation: the options as a table, in Markdown.
std::string describe_markdown(const Descriptor& plugin);
/// A JSON schema (2020-12) of a connection's `source` with this plugin.
std::string describe_schema(const Descriptor& plugin);

/// One line for each plugin: id, version, file, summary; refused files with the reason.
std::string list_text(const std::vector<Registry::Found>& plugins);
std::string list_json(const std::vector<Registry::Found>& plugins);

} // namespace sluice::host
