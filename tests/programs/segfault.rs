//! A read through a null pointer: the system stops the program with a signal.
//! signal: 11

fn read(address: *const u32) -> u32 {
    println!("about to read"); // <before> frames = read, main; main::luggage: live, owns a block
    // SAFETY: there is no excuse; this program shows what happens.
    unsafe { address.read_volatile() }
}

fn main() {
    let luggage = String::from("never dropped");
    println!("=luggage {luggage:?}\n=luggage.bytes {}", luggage.capacity()); // <packed>
    //   luggage: live, owns 13 bytes on the heap; luggage = "never dropped"
    let null: *const u32 = std::ptr::null();
    println!("not reached: {}", read(null));
}
