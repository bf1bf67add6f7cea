#pragma once

#include "core/base/result.hpp"

#include <string>
#include <vector>

namespace sluice::host {

/// Looks at a file before the loader does, which dies of SIGBUS when a library is cut short and speaks in riddles of
/// other machines. Invalid: it is no complete shared library of this machine; the message is a reason to put behind the
/// file's name.
Result<> check_elf(const std::string& file);

struct ExportedSymbol {
    std::string name;
    bool unique = false; ///< one for all copies in a process (STB_GNU_UNIQUE)
};

/// The dynamic symbols that a library defines for others. Invalid: it has no table of them, or a broken one.
Result<std::vector<ExportedSymbol>> exported_symbols(const std::string& file);

} // namespace sluice::host
