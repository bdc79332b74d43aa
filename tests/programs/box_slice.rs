//! A boxed slice or boxed `str` has a length beside its pointer, and no spare capacity.
//! exit: 0

fn main() {
    let mut numbers = Vec::with_capacity(10);
    numbers.extend([5u16, 6, 7]);
    let slice: Box<[u16]> = numbers.into_boxed_slice();
    println!("=slice {slice:?}\n=slice.size {}", size_of_val(&slice)); // <slice>
    //   slice: live, place stack, size 16, owns 6 bytes on the heap, heap at printed; slice = [5, 6, 7]
    println!("=slice.bytes {}\n@slice.heap {:p}", size_of_val(&*slice), slice.as_ptr());
    let text: Box<str> = "tide".into();
    println!("=text {text:?}\n=text.bytes {}\n@text {:p}", text.len(), &text); // <text>
    //   text: live, place stack, at printed, owns 4 bytes on the heap; text = "tide"
    let back = slice.into_vec();
    println!("=back {back:?}\n=back.capacity {}", back.capacity()); // <back>
    //   back: live, owns 6 bytes on the heap; back = [5, 6, 7]; back.capacity = 3; slice: not live
    println!("=back.bytes {}", 2 * back.capacity());
}
