//! `process::exit` ends everything at once: nothing is dropped, nothing is unwound.
//! exit: 3

struct Note(String);

impl Drop for Note {
    fn drop(&mut self) {
        println!("never printed: {}", self.0);
    }
}

fn leave(code: i32) -> ! {
    println!("=code {code}"); // <leaving> frames = leave, main; code = 3; main::note: live, owns a block
    std::process::exit(code)
}

fn main() {
    let note = Note("remember me".to_string());
    println!("=note.bytes {}\n@note {:p}", note.0.capacity(), &note); // <held>
    //   note: live, place stack, at printed, owns 11 bytes on the heap
    if note.0.len() > 3 {
        leave(3);
    }
    println!("not reached");
}
