//! Three `&str` of the same type view text in three regions.
//! exit: 0

fn main() {
    let literal: &str = "hello";
    let owned = literal.to_string();
    let on_heap: &str = &owned[1..];
    let letters = [b'h', b'i'];
    let on_stack = std::str::from_utf8(&letters).unwrap();
    println!("=literal {literal:?}\n@*literal {:p}", literal); // <read-only>
    //   literal: live, place stack, size 16, borrows 5 bytes of rodata, points to printed
    //   literal = "hello"; rodata "hello"
    println!("=literal.size {}", size_of_val(&literal));
    println!("=on_heap {on_heap:?}\n@*on_heap {:p}", on_heap); // <heap>
    //   on_heap: live, borrows 4 bytes of heap, borrows heap of owned, points to printed; on_heap = "ello"
    println!("=on_stack {on_stack:?}\n@*on_stack {:p}", on_stack); // <stack>
    //   on_stack: live, borrows 2 bytes of stack, borrows letters, points to printed; on_stack = "hi"
}
