/* Plugins that must be refused before any of their functions is called; one flaw for each definition. */
#include <sluice/source_plugin.h>

#include <stdlib.h>

#ifdef FLAW_NO_ENTRY
SLUICE_EXPORT int sluice_something_else(void);
int sluice_something_else(void) {
    return 0;
}
#else

/* A refused plugin is never called; being called is what the tests would notice. */
static sluice_status create(const sluice_host* host, const sluice_value* values, void** self) {
    (void)host, (void)values, (void)self;
    abort();
}
static sluice_status start(void* self) {
    (void)self;
    abort();
}
#ifndef FLAW_NO_POLL
static sluice_status poll(void* self, uint32_t messages, uint64_t bytes, uint32_t timeout_ms, sluice_batch* out) {
    (void)self, (void)messages, (void)bytes, (void)timeout_ms, (void)out;
    abort();
}
#endif

static const sluice_option options[] = {
    {.name = "limit",
     .type = SLUICE_INT,
     .min = "1",
     .summary = "Last number.",
#ifdef FLAW_BAD_DEFAULT
     .fallback = "0"
#endif
    },
    {.summary = "Another one.",
#ifdef FLAW_TWICE
     .name = "limit",
#else
     .name = "other",
#endif
#ifdef FLAW_BAD_TYPE
     .type = 77
#else
     .type = SLUICE_TEXT
#endif
    },
};

static const sluice_plugin plugin = {
#ifdef FLAW_BAD_SIZE
    .size = 16,
#else
    .size = sizeof plugin,
#endif
    .abi_minor = SLUICE_ABI_MINOR,
#ifdef FLAW_BAD_ID
    .id = "Not An Id",
#else
    .id = "flawed",
#endif
    .version = "1.0.0",
    .summary = "Has a flaw.",
    .options = options,
    .option_count = 2,
#ifdef FLAW_BAD_STRIDE
    .option_stride = 8,
#else
    .option_stride = sizeof *options,
#endif
    .create = create,
    .start = start,
#ifndef FLAW_NO_POLL
    .poll = poll,
#endif
    .destroy = free,
};

#ifdef FLAW_OTHER_VERSION
SLUICE_EXPORT const sluice_plugin* sluice_source_plugin_v2(void);
const sluice_plugin* sluice_source_plugin_v2(void) {
    return &plugin;
}
#elif defined(FLAW_NO_DESCRIPTOR)
const sluice_plugin* sluice_source_plugin_v1(void) {
    (void)plugin;
    return NULL;
}
#else
const sluice_plugin* sluice_source_plugin_v1(void) {
    return &plugin;
}
#endif
#endif
