//! Statics that change: a number, a list behind a lock, a flag.
//! exit: 0

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static OPEN: AtomicBool = AtomicBool::new(false);
static JOURNAL: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(text: &str) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    JOURNAL.lock().unwrap().push(text.to_uppercase());
}

fn main() {
    println!("=CALLS {CALLS:?}\n=OPEN {OPEN:?}"); // <start> static CALLS = 0; static OPEN = false
    note("cast off");
    note("set sail");
    OPEN.store(true, Ordering::SeqCst);
    println!("=CALLS {CALLS:?}\n=OPEN {OPEN:?}\n@JOURNAL {:p}", &JOURNAL); // <used>
    //   static CALLS = 2; static OPEN = true; static JOURNAL: place static, at printed, owns a block
    let entries = JOURNAL.lock().unwrap().len();
    println!("=entries {entries}"); // <entries> entries = 2; static JOURNAL: owns 3 blocks in all
}
