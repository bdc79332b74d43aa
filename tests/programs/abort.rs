//! `process::abort` is a signal: no exit status, no drops, no flush.
//! signal: 6

fn main() {
    let cargo = vec![1u8; 10];
    println!("=cargo.len {}\n@cargo.heap {:p}", cargo.len(), cargo.as_ptr()); // <before>
    //   cargo: live, heap at printed; cargo.len = 10
    if cargo.iter().sum::<u8>() == 10 {
        std::process::abort();
    }
    println!("not reached");
}
