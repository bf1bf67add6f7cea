/* @NAME@: a source for sluice, in C. As it stands it counts: replace what is marked (1) to (4) by what your upstream
 * needs. Every call comes from one thread, so there is no lock; only release may come from another. */
#include <sluice/source_plugin.h>

#include <stdio.h>
#include <stdlib.h>

/* (1) The keys of a connection's `source`. The host reads, checks and documents them; values come in this order. */
enum { LIMIT, OPTION_COUNT };
static const sluice_option options[OPTION_COUNT] = {[LIMIT] = {.name = "limit",
                                                               .type = SLUICE_INT,
                                                               .fallback = "1000000",
                                                               .min = "1",
                                                               .summary = "Last number that is sent.",
                                                               .example = "1000"}};

typedef struct {
    const sluice_host* host;
    uint64_t next, limit;
    uint32_t lane;
} source;
enum { MOST = 256, LONGEST = 48 };
typedef struct { /* one allocation carries a whole batch */
    sluice_message message[MOST];
    char text[MOST][LONGEST];
} block;

/* No network here: bad values only. */
static sluice_status create(const sluice_host* host, const sluice_value* by_option, void** self) {
    source* s = calloc(1, sizeof *s);
    if (!s)
        return host->fail(host, SLUICE_E_UNAVAILABLE, "out of memory");
    s->host = host;
    s->limit = by_option[LIMIT].is_set ? (uint64_t)by_option[LIMIT].as.integer : 1000000;
    *self = s;
    return SLUICE_OK;
}

/* (2) Connect, then open a lane for each ordered stream of upstream and go on behind its checkpoint. It was stored in
 * the transaction that stored the rows, so nothing is lost or doubled when this starts there. */
static sluice_status start(void* self) {
    source* s = self;
    sluice_checkpoint last = {0};
    const sluice_status status = s->host->open_lane(s->host, (sluice_str){"numbers", 7}, &s->lane, &last);
    s->next = last.found ? last.sequence + 1 : 1;
    return status;
}

static void release(sluice_batch* batch) {
    free(batch->owner);
}

/* (3) Hand over what is there, within the credit; wait at most timeout_ms for the first message. */
static sluice_status poll(void* self, uint32_t credit, uint64_t max_bytes, uint32_t timeout_ms, sluice_batch* out) {
    source* s = self;
    (void)timeout_ms; /* never waits */
    if (max_bytes / LONGEST < credit)
        credit = (uint32_t)(max_bytes / LONGEST);
    if (s->next > s->limit)
        return SLUICE_END;
    if (credit == 0)
        return SLUICE_OK;
    block* b = malloc(sizeof *b);
    if (!b)
        return s->host->fail(s->host, SLUICE_E_UNAVAILABLE, "out of memory");
    uint32_t n = 0;
    for (; n < credit && n < MOST && s->next <= s->limit; ++n, ++s->next) {
        const int size = snprintf(b->text[n], LONGEST, "{\"n\":%llu}", (unsigned long long)s->next);
        b->message[n] = (sluice_message){.sequence = s->next,
                                         .timestamp_ns = INT64_MIN,
                                         .lane = s->lane,
                                         .payload = {(const uint8_t*)b->text[n], (size_t)size}};
    }
    *out = (sluice_batch){b->message, n, sizeof(sluice_message), release, b};
    return s->next > s->limit ? SLUICE_END : SLUICE_OK;
}

/* (4) If upstream forgets what it is told was received: add `.ack`, which follows the commit, and drop
 * SLUICE_CAP_REPLAY unless upstream can send the same messages again from a checkpoint. */
const sluice_plugin* sluice_source_plugin_v1(void) {
    static const sluice_plugin plugin = {.size = sizeof plugin,
                                         .abi_minor = SLUICE_ABI_MINOR,
                                         .id = "@NAME@",
                                         .version = "0.1.0",
                                         .summary = "Counts, until you make it do something else.",
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
