/* count: sends {"n":1}, {"n":2}, ...; resumes after the last committed number, so every row arrives exactly once. */
#define _POSIX_C_SOURCE 199309L
#include <sluice/source_plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LIMIT, INTERVAL, OPTION_COUNT };
static const sluice_option options[OPTION_COUNT] = {
    [LIMIT] = {.name = "limit",
               .type = SLUICE_INT,
               .flags = SLUICE_REQUIRED,
               .min = "1",
               .summary = "Last number.",
               .example = "1000"},
    [INTERVAL] = {.name = "interval",
                  .type = SLUICE_DURATION,
                  .fallback = "0ms",
                  .min = "0ms",
                  .max = "1h",
                  .summary = "Time between two numbers; 0ms: as fast as they are taken.",
                  .example = "100ms"}};

typedef struct {
    const sluice_host* host;
    uint64_t next, limit;
    int64_t interval_ns, due_ns; /* monotonic time of the next number */
    uint32_t lane;
} counter;
enum { BLOCK = 64, LONGEST = 32 /* bytes of a message */ };
typedef struct { /* one allocation carries a whole batch */
    sluice_message message[BLOCK];
    char text[BLOCK][LONGEST];
} block;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static sluice_status create(const sluice_host* host, const sluice_value* by_option, void** self) {
    counter* c = *self = calloc(1, sizeof *c);
    if (!c)
        return host->fail(host, SLUICE_E_INTERNAL, "out of memory");
    *c = (counter){
        .host = host, .limit = (uint64_t)by_option[LIMIT].as.integer, .interval_ns = by_option[INTERVAL].as.integer};
    return SLUICE_OK;
}

static sluice_status start(void* self) {
    counter* c = self;
    sluice_checkpoint last = {0};
    sluice_status status = c->host->open_lane(c->host, (sluice_str){"numbers", 7}, &c->lane, &last);
    c->next = last.found ? last.sequence + 1 : 1;
    c->due_ns = now_ns();
    return status;
}

/* How many numbers are due; waits for the first one, at most timeout_ms. */
static uint32_t numbers_due(counter* c, uint32_t timeout_ms) {
    if (c->interval_ns == 0)
        return UINT32_MAX;
    const int64_t wait = c->due_ns - now_ns(), longest = (int64_t)timeout_ms * 1000000;
    if (wait > 0) {
        const int64_t nap = wait < longest ? wait : longest;
        nanosleep(&(struct timespec){.tv_sec = nap / 1000000000, .tv_nsec = nap % 1000000000}, NULL);
    }
    const int64_t late = now_ns() - c->due_ns;
    return late < 0 ? 0 : late / c->interval_ns < BLOCK ? (uint32_t)(late / c->interval_ns + 1) : BLOCK;
}

static void release(sluice_batch* batch) {
    free(batch->owner);
}

static sluice_status poll(void* self, uint32_t credit, uint64_t max_bytes, uint32_t timeout_ms, sluice_batch* out) {
    counter* c = self;
    if (max_bytes / LONGEST < credit)
        credit = (uint32_t)(max_bytes / LONGEST);
    if (credit == 0)
        return SLUICE_OK; /* nothing for now; the host asks again */
    if (c->next > c->limit)
        return SLUICE_END;
    const uint32_t due = numbers_due(c, timeout_ms);
    if (due == 0)
        return SLUICE_OK;
    block* b = calloc(1, sizeof *b);
    if (!b)
        return c->host->fail(c->host, SLUICE_E_UNAVAILABLE, "out of memory");
    uint32_t n = 0;
    for (; n < credit && n < due && n < BLOCK && c->next <= c->limit; ++n, ++c->next, c->due_ns += c->interval_ns) {
        int size = snprintf(b->text[n], sizeof b->text[n], "{\"n\":%llu}", (unsigned long long)c->next);
        b->message[n] = (sluice_message){.sequence = c->next,
                                         .timestamp_ns = INT64_MIN,
                                         .lane = c->lane,
                                         .payload = {(const uint8_t*)b->text[n], (size_t)size}};
    }
    *out = (sluice_batch){b->message, n, sizeof(sluice_message), release, b};
    return c->next > c->limit ? SLUICE_END : SLUICE_OK;
}

const sluice_plugin* sluice_source_plugin_v1(void) {
    static const sluice_plugin plugin = {.size = sizeof plugin,
                                         .abi_minor = SLUICE_ABI_MINOR,
                                         .id = "count",
                                         .version = "1.0.0",
                                         .summary = "Counts up, as an example.",
                                         .capabilities = SLUICE_CAP_REPLAY,
                                         .options = options,
                                         .option_count = OPTION_COUNT,
                                         .option_stride = sizeof *options,
                                         .create = create,
                                         .start = start,
                                         .poll = poll,
                                         .destroy = free};
    return &plugin;
}
