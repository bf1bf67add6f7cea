#include <sluice/source_extensions.h>
#include <sluice/source_plugin.h>

/* A host newer than the plugin: the fields it knows are found, those behind `size` are not. */
int host_can_log(const sluice_host* host);
int host_can_log(const sluice_host* host) { return SLUICE_HAS(host, log) ? 1 : 0; }
