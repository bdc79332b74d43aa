//! `mem::forget` and `Box::leak` give up the duty to free: the blocks stay.
//! exit: 0

struct Anchor(Vec<u32>);

impl Drop for Anchor {
    fn drop(&mut self) {
        println!("never printed: {}", self.0.len());
    }
}

fn main() {
    let anchor = Anchor(vec![1, 2, 3]);
    println!("=anchor.bytes {}\n@anchor.heap {:p}", 4 * anchor.0.capacity(), anchor.0.as_ptr()); // <held>
    //   anchor: live, owns 12 bytes on the heap, heap at printed
    std::mem::forget(anchor);
    let leaked: &'static mut [u8] = Box::leak(vec![5u8; 6].into_boxed_slice());
    leaked[0] = 9;
    println!("=leaked {leaked:?}\n@*leaked {:p}", leaked); // <leaked>
    //   leaked: live, borrows-mut 6 bytes of heap, points to printed; leaked = [9, 5, 5, 5, 5, 5]
    let text: &'static str = String::from("for ever").leak();
    println!("=text {text:?}\n@*text {:p}", text); // <text>
    //   text: live, borrows 8 bytes of heap, points to printed; text = "for ever"
}
