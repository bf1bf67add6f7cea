#pragma once

#include <string>

namespace sluice {

/// Names the calling thread for debuggers and `top -H`; the kernel keeps the first 15 characters.
void name_this_thread(const std::string& name);

} // namespace sluice
