/* sluice/source_plugin.h: the binary contract between the host and one source plugin. ABI 1.0, C99, LP64.
 *
 * Who may call:  [load] loader thread, before any instance exists   [any] every thread, also concurrently
 *                [source] the one thread that drives the instance: never concurrent, never re-entrant
 * Memory:  arguments and everything they point to are borrowed until the call returns, unless said otherwise.
 * Growth:  a struct with `size` or a `stride` beside its array may grow at its tail in a minor version.
 *          Nothing else changes within major version 1. Read a tail field only if SLUICE_HAS() it.
 * Failure: return a sluice_status; never let a C++ exception cross this line. */
#ifndef SLUICE_SOURCE_PLUGIN_H
#define SLUICE_SOURCE_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define SLUICE_ABI_MINOR 0u /* the major version is in the name of the entry symbol */
#define SLUICE_HAS(s, f) ((s)->size >= (uint32_t)((const char*)(&(s)->f + 1) - (const char*)(s)) && (s)->f)
#define SLUICE_EXPORT __attribute__((visibility("default")))

typedef int32_t sluice_status; /* fixed width; an unknown negative value counts as SLUICE_E_INTERNAL */
enum {
    SLUICE_OK = 0,
    SLUICE_END = 1,              /* poll only: takes this batch and expects no other */
    SLUICE_E_CONFIG = -1,        /* only an operator can help; the host does not retry */
    SLUICE_E_DENIED = -2,        /* credentials or permissions; slow retry with a new instance */
    SLUICE_E_UNAVAILABLE = -3,   /* upstream away; the host backs off and calls again */
    SLUICE_E_POSITION_LOST = -4, /* the checkpoint no longer exists upstream; the source's policy decides */
    SLUICE_E_INTERNAL = -5       /* broken invariant; the instance is stopped and replaced */
};
typedef struct { const char* data; size_t size; } sluice_str; /* UTF-8, no NUL promised */
typedef struct { const uint8_t* data; size_t size; } sluice_bytes;
typedef struct { sluice_str name; sluice_bytes value; } sluice_property;

/* --- configuration: the plugin declares, the host validates, documents and fills in defaults --- */
enum { SLUICE_BOOL = 1, SLUICE_INT, SLUICE_REAL, SLUICE_TEXT, SLUICE_DURATION /* ns */, SLUICE_SIZE /* bytes */,
       SLUICE_CHOICE, SLUICE_TEXT_LIST, SLUICE_TEXT_MAP };
enum { SLUICE_REQUIRED = 1, SLUICE_SECRET = 2, SLUICE_ADVANCED = 4, SLUICE_DEPRECATED = 8,
       SLUICE_PATH = 16 /* TEXT, TEXT_LIST: names files or folders; relative ones reach the plugin absolute */ };
typedef struct {
    const char* name;           /* dotted snake_case, "tls.ca_file" */
    uint32_t type, flags;
    const char *fallback;       /* default, written as in a config file; NULL: none */
    const char *min, *max;      /* inclusive, same notation; NULL: open */
    const char* const* choices; /* SLUICE_CHOICE: NULL-terminated */
    const char *summary;        /* one sentence: what the value decides, in the reader's terms */
    const char *example;
} sluice_option;
typedef struct {
    uint32_t is_set, reserved;
    union {
        int64_t integer; /* BOOL, INT, DURATION, SIZE; CHOICE: index into choices */
        double real;
        sluice_str text;
        struct { const sluice_str* items; size_t count; } list;
        struct { const sluice_property* items; size_t count; } map;
    } as;
} sluice_value;

/* --- messages: handed over without copying, freed by release --- */
typedef struct {
    uint64_t sequence;     /* strictly increasing within its lane; gaps are fine (a Kafka or a byte offset) */
    int64_t timestamp_ns;  /* UTC; INT64_MIN: unknown */
    uint32_t lane, flags;  /* lane: from host->open_lane; never reused while the instance lives */
    sluice_bytes payload, key;
    sluice_bytes position; /* how to find this message again; empty: `sequence` is enough */
    const sluice_property* headers; /* set by whoever produced the message */
    const sluice_property* system;  /* set by the plugin: "kafka.partition", "mqtt.topic", "file.path" */
    size_t header_count, system_count;
} sluice_message;
enum { SLUICE_PADDED = 1 /* message flag: 64 readable bytes follow the payload, so JSON parses in place */ };
typedef struct sluice_batch {
    const sluice_message* messages;
    size_t count, stride;                  /* stride: sizeof(sluice_message) the plugin was built with */
    void (*release)(struct sluice_batch*); /* [any] called once, before destroy; frees all the batch points to */
    void* owner;                           /* the plugin's own; the host may move this struct bitwise */
} sluice_batch;
typedef struct { uint64_t sequence; sluice_bytes position; uint32_t found, reserved; } sluice_checkpoint;
enum { SLUICE_COMMITTED = 1, /* rows and checkpoint are durable, in one transaction */
       SLUICE_PARKED = 2,    /* undeliverable, but durable in the dead-letter table */
       SLUICE_RETRY = 3      /* please deliver again; only to SLUICE_CAP_REDELIVER */ };
typedef struct { uint32_t lane, outcome; uint64_t first, last; } sluice_ack; /* sequences, inclusive */

/* --- what the host offers; every call [any] except the first three, which are [source] --- */
enum { SLUICE_TRACE, SLUICE_DEBUG, SLUICE_INFO, SLUICE_WARN, SLUICE_ERROR };
enum { SLUICE_HEALTHY, SLUICE_CONNECTING, SLUICE_DEGRADED }; enum { SLUICE_COUNTER, SLUICE_GAUGE, SLUICE_HISTOGRAM };
typedef struct sluice_host {
    uint32_t size, abi_minor;
    const char* instance;  /* the connection's name in the config */
    const char* state_dir; /* private, writable, survives restarts */
    sluice_status (*fail)(const struct sluice_host*, sluice_status, const char* why); /* explains; returns status */
    /* Opens a named, ordered stream and says where to resume; what `after` points to lives until close_lane. */
    sluice_status (*open_lane)(const struct sluice_host*, sluice_str name, uint32_t* lane, sluice_checkpoint* after);
    /* Waits up to drain_ms for delivered messages to become durable, drops the rest, fences the lane. */
    sluice_status (*close_lane)(const struct sluice_host*, uint32_t lane, uint32_t drain_ms, sluice_checkpoint* last);
    void (*log)(const struct sluice_host*, int32_t level, const char* text);
    void (*health)(const struct sluice_host*, int32_t state, const char* detail);
    uint32_t (*metric)(const struct sluice_host*, const char* name, int32_t kind); /* returns an id for record */
    void (*record)(const struct sluice_host*, uint32_t metric, double value);      /* add, set or observe */
    const void* (*extension)(const struct sluice_host*, const char* id);           /* "vendor.name/1"; NULL: absent */
} sluice_host;

/* --- what the plugin offers --- */
enum { SLUICE_CAP_REPLAY = 1,        /* after any checkpoint come the same messages again: allows exactly-once */
       SLUICE_CAP_REDELIVER = 2,     /* takes SLUICE_RETRY; without it the host retries from the batch it holds */
       SLUICE_CAP_UNORDERED_ACK = 4, /* acks may skip ahead within a lane (remote targets; the store commits in order) */
       SLUICE_CAP_SINGLETON = 8      /* at most one instance in a process */ };
typedef struct {
    uint32_t size, abi_minor;
    const char *id, *version, *summary; /* id: the `plugin` of a source in the config, [a-z][a-z0-9_]* */
    uint32_t capabilities;
    uint32_t keepalive_ms; /* longest bearable gap between two polls, paused or not; 0: any */
    const sluice_option* options;
    size_t option_count, option_stride;
    /* All [source], in this order; `self` is what create stored; by_option[i] belongs to options[i]. */
    sluice_status (*create)(const sluice_host*, const sluice_value* by_option, void** self); /* no network */
    sluice_status (*check)(void* self); /* optional: cross-field rules, then a connection test */
    sluice_status (*start)(void* self); /* connect, open lanes, seek */
    /* Returns within timeout_ms with at most the credit given; credit 0: stay connected, deliver nothing. */
    sluice_status (*poll)(void* self, uint32_t max_messages, uint64_t max_bytes, uint32_t timeout_ms, sluice_batch*);
    sluice_status (*pause)(void* self, uint32_t paused); /* optional: back-pressure began or ended */
    sluice_status (*ack)(void* self, const sluice_ack*, size_t count); /* optional: between polls, in lane order */
    sluice_status (*stop)(void* self); /* optional: after the last ack; commit upstream, leave */
    void (*destroy)(void* self);       /* after the last release */
    const void* (*extension)(const char* id); /* optional, [any] */
} sluice_plugin;
SLUICE_EXPORT const sluice_plugin* sluice_source_plugin_v1(void); /* [load] the only exported symbol */
#ifdef __cplusplus
}
#endif
#endif
