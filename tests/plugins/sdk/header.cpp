#include <sluice/source_extensions.h>
#include <sluice/source_plugin.h>
#if __cplusplus >= 201703L
#include <sluice/source.hpp>
#endif

bool host_can_log(const sluice_host* host);
bool host_can_log(const sluice_host* host) {
    return SLUICE_HAS(host, log);
}
