/* sluice/source_extensions.h: abilities beyond the frozen contract, asked for by name through `extension`.
 * Each is a struct of function pointers that begins with its size and may grow at its tail. */
#ifndef SLUICE_SOURCE_EXTENSIONS_H
#define SLUICE_SOURCE_EXTENSIONS_H
#include <sluice/source_plugin.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Offered by the host, [source]: upstream no longer has these sequences (inclusive). Stored with the lane's next
 * commit. */
#define SLUICE_GAP_V1 "sluice.gap/1"
typedef struct {
    uint32_t size, reserved;
    sluice_status (*lost)(const sluice_host*, uint32_t lane, uint64_t first, uint64_t last, const char* why);
} sluice_gap_v1;

/* Offered by the plugin, [source]: a message was parked as a dead letter; a copy for upstream, after the commit and in
 * order. */
#define SLUICE_DEAD_LETTER_V1 "sluice.dead_letter/1"
typedef struct {
    uint32_t size, reserved;
    sluice_status (*parked)(void* self, const sluice_message*, sluice_str code, sluice_str details, sluice_str database,
                            sluice_str table);
} sluice_dead_letter_v1;

/* Offered by the plugin, [source]: how many messages upstream has beyond the last one delivered. */
#define SLUICE_LAG_V1 "sluice.lag/1"
typedef struct {
    uint32_t size, reserved;
    sluice_status (*lag)(void* self, uint32_t lane, uint64_t* messages);
} sluice_lag_v1;

#ifdef __cplusplus
}
#endif
#endif
