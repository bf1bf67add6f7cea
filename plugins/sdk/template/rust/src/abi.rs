//! The binary contract, as in sluice/source_plugin.h (ABI 1.0). Layouts are frozen; structs may only grow at their tails.
#![allow(dead_code)]
use std::os::raw::{c_char, c_void};

pub const OK: i32 = 0;
pub const END: i32 = 1;
pub const E_CONFIG: i32 = -1;
pub const E_DENIED: i32 = -2;
pub const E_UNAVAILABLE: i32 = -3;
pub const E_POSITION_LOST: i32 = -4;
pub const E_INTERNAL: i32 = -5;

pub const TYPE_BOOL: u32 = 1;
pub const TYPE_INT: u32 = 2;
pub const TYPE_REAL: u32 = 3;
pub const TYPE_TEXT: u32 = 4;
pub const TYPE_DURATION: u32 = 5;
pub const TYPE_SIZE: u32 = 6;
pub const TYPE_CHOICE: u32 = 7;
pub const TYPE_TEXT_LIST: u32 = 8;
pub const TYPE_TEXT_MAP: u32 = 9;
pub const REQUIRED: u32 = 1;
pub const SECRET: u32 = 2;

pub const CAP_REPLAY: u32 = 1;
pub const NO_TIMESTAMP: i64 = i64::MIN;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    pub data: *const u8,
    pub size: usize,
}
impl Slice {
    pub const EMPTY: Slice = Slice { data: std::ptr::null(), size: 0 };
    /// Borrows: the text has to outlive what it is given to.
    pub fn of(text: &[u8]) -> Slice {
        Slice { data: text.as_ptr(), size: text.len() }
    }
}
#[repr(C)]
pub struct Property {
    pub name: Slice,
    pub value: Slice,
}
#[repr(C)]
pub struct SourceOption {
    pub name: *const c_char,
    pub kind: u32,
    pub flags: u32,
    pub fallback: *const c_char,
    pub min: *const c_char,
    pub max: *const c_char,
    pub choices: *const *const c_char,
    pub summary: *const c_char,
    pub example: *const c_char,
}
/// `integer` holds bool, int, duration, size and choice; text, list and map are data and size in these two words.
#[repr(C)]
pub struct Value {
    pub is_set: u32,
    pub reserved: u32,
    pub integer: i64,
    pub size: usize,
}
#[repr(C)]
pub struct Message {
    pub sequence: u64,
    pub timestamp_ns: i64,
    pub lane: u32,
    pub flags: u32,
    pub payload: Slice,
    pub key: Slice,
    pub position: Slice,
    pub headers: *const Property,
    pub system: *const Property,
    pub header_count: usize,
    pub system_count: usize,
}
#[repr(C)]
pub struct Batch {
    pub messages: *const Message,
    pub count: usize,
    pub stride: usize,
    pub release: Option<unsafe extern "C" fn(*mut Batch)>,
    pub owner: *mut c_void,
}
#[repr(C)]
pub struct Checkpoint {
    pub sequence: u64,
    pub position: Slice,
    pub found: u32,
    pub reserved: u32,
}
#[repr(C)]
pub struct Ack {
    pub lane: u32,
    pub outcome: u32,
    pub first: u64,
    pub last: u64,
}
#[repr(C)]
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    pub instance: *const c_char,
    pub state_dir: *const c_char,
    pub fail: unsafe extern "C" fn(*const Host, i32, *const c_char) -> i32,
    pub open_lane: unsafe extern "C" fn(*const Host, Slice, *mut u32, *mut Checkpoint) -> i32,
    pub close_lane: unsafe extern "C" fn(*const Host, u32, u32, *mut Checkpoint) -> i32,
    pub log: unsafe extern "C" fn(*const Host, i32, *const c_char),
    pub health: unsafe extern "C" fn(*const Host, i32, *const c_char),
    pub metric: unsafe extern "C" fn(*const Host, *const c_char, i32) -> u32,
    pub record: unsafe extern "C" fn(*const Host, u32, f64),
    pub extension: unsafe extern "C" fn(*const Host, *const c_char) -> *const c_void,
}
#[repr(C)]
pub struct Plugin {
    pub size: u32,
    pub abi_minor: u32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub capabilities: u32,
    pub keepalive_ms: u32,
    pub options: *const SourceOption,
    pub option_count: usize,
    pub option_stride: usize,
    pub create: unsafe extern "C" fn(*const Host, *const Value, *mut *mut c_void) -> i32,
    pub check: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub start: unsafe extern "C" fn(*mut c_void) -> i32,
    pub poll: unsafe extern "C" fn(*mut c_void, u32, u64, u32, *mut Batch) -> i32,
    pub pause: Option<unsafe extern "C" fn(*mut c_void, u32) -> i32>,
    pub ack: Option<unsafe extern "C" fn(*mut c_void, *const Ack, usize) -> i32>,
    pub stop: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}
// Tables of constants, shared by threads and never written.
unsafe impl Sync for Plugin {}
unsafe impl Sync for SourceOption {}

const _: () = assert!(std::mem::size_of::<Message>() == 104);
const _: () = assert!(std::mem::size_of::<Batch>() == 40);
const _: () = assert!(std::mem::size_of::<SourceOption>() == 64);
const _: () = assert!(std::mem::size_of::<Value>() == 24);
const _: () = assert!(std::mem::size_of::<Plugin>() == 136);
