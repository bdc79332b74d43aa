//! A closure that changes a variable holds a mutable borrow until its last call.
//! exit: 0

fn main() {
    let mut count = 0;
    let mut seen = Vec::new();
    let mut note = |word: &str| {
        count += 1;
        seen.push(word.len());
    };
    note("one"); // <held> count: live, mutably lent to note; seen: live, mutably lent to note
    note("three"); // <still> count: mutably lent to note
    println!("{count}"); // <free> count: live, not lent; seen: live, not lent; event borrow-end count
    seen.clear();
    count = 9;
    println!("{seen:?} {count}"); // <end> count: live; seen: live
}
