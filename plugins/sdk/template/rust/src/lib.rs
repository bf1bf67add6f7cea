//! @NAME@: a source for sluice, in Rust. As it stands it counts: replace what is marked (1) to (4) by what your upstream
//! needs. Every call comes from one thread, so there is no lock; only release may come from another.
mod abi;

use abi::*;
use std::os::raw::{c_char, c_void};

macro_rules! text {
    ($text:literal) => {
        concat!($text, "\0").as_ptr() as *const c_char
    };
}

// (1) The keys of a connection's `source`. The host reads, checks and documents them; values come in this order.
const LIMIT: usize = 0;
static OPTIONS: [SourceOption; 1] = [SourceOption {
    name: text!("limit"),
    kind: TYPE_INT,
    flags: 0,
    fallback: text!("1000000"),
    min: text!("1"),
    max: std::ptr::null(),
    choices: std::ptr::null(),
    summary: text!("Last number that is sent."),
    example: text!("1000"),
}];

struct Source {
    host: *const Host,
    next: u64,
    limit: u64,
    lane: u32,
}

/// What a batch points to; freed when the host releases it.
struct Block {
    texts: Vec<String>,
    messages: Vec<Message>,
}

// No network here: bad values only.
unsafe extern "C" fn create(host: *const Host, by_option: *const Value, out: *mut *mut c_void) -> i32 {
    let limit = &*by_option.add(LIMIT);
    let limit = if limit.is_set != 0 { limit.integer as u64 } else { 1_000_000 };
    *out = Box::into_raw(Box::new(Source { host, next: 1, limit, lane: 0 })) as *mut c_void;
    OK
}

// (2) Connect, then open a lane for each ordered stream of upstream and go on behind its checkpoint. It was stored in the
// transaction that stored the rows, so nothing is lost or doubled when this starts there.
unsafe extern "C" fn start(source: *mut c_void) -> i32 {
    let source = &mut *(source as *mut Source);
    let mut last = Checkpoint { sequence: 0, position: Slice::EMPTY, found: 0, reserved: 0 };
    let status = ((*source.host).open_lane)(source.host, Slice::of(b"numbers"), &mut source.lane, &mut last);
    source.next = if last.found != 0 { last.sequence + 1 } else { 1 };
    status
}

unsafe extern "C" fn release(batch: *mut Batch) {
    drop(Box::from_raw((*batch).owner as *mut Block));
}

// (3) Hand over what is there, within the credit; wait at most timeout_ms for the first message.
unsafe extern "C" fn poll(source: *mut c_void, credit: u32, max_bytes: u64, _timeout_ms: u32, out: *mut Batch) -> i32 {
    const LONGEST: u64 = 48;
    let source = &mut *(source as *mut Source);
    if source.next > source.limit {
        return END;
    }
    let count = (credit as u64).min(max_bytes / LONGEST).min(256).min(source.limit + 1 - source.next);
    if count == 0 {
        return OK;
    }
    let mut block = Box::new(Block { texts: Vec::new(), messages: Vec::new() });
    block.texts = (source.next..source.next + count).map(|n| format!("{{\"n\":{}}}", n)).collect();
    for (i, text) in block.texts.iter().enumerate() {
        block.messages.push(Message {
            sequence: source.next + i as u64,
            timestamp_ns: NO_TIMESTAMP,
            lane: source.lane,
            flags: 0,
            payload: Slice::of(text.as_bytes()),
            key: Slice::EMPTY,
            position: Slice::EMPTY,
            headers: std::ptr::null(),
            system: std::ptr::null(),
            header_count: 0,
            system_count: 0,
        });
    }
    source.next += count;
    *out = Batch {
        messages: block.messages.as_ptr(),
        count: block.messages.len(),
        stride: std::mem::size_of::<Message>(),
        release: Some(release),
        owner: Box::into_raw(block) as *mut c_void,
    };
    if source.next > source.limit {
        END
    } else {
        OK
    }
}

unsafe extern "C" fn destroy(source: *mut c_void) {
    drop(Box::from_raw(source as *mut Source));
}

// (4) If upstream forgets what it is told was received: add `ack`, which follows the commit, and drop CAP_REPLAY unless
// upstream can send the same messages again from a checkpoint.
static PLUGIN: Plugin = Plugin {
    size: std::mem::size_of::<Plugin>() as u32,
    abi_minor: 0,
    id: text!("@NAME@"),
    version: text!("0.1.0"),
    summary: text!("Counts, until you make it do something else."),
    capabilities: CAP_REPLAY,
    keepalive_ms: 0,
    options: OPTIONS.as_ptr(),
    option_count: OPTIONS.len(),
    option_stride: std::mem::size_of::<SourceOption>(),
    create,
    check: None,
    start,
    poll,
    pause: None,
    ack: None,
    stop: None,
    destroy,
    extension: None,
};

#[no_mangle]
pub extern "C" fn sluice_source_plugin_v1() -> *const Plugin {
    &PLUGIN
}
