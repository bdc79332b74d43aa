//! A `Vec<String>` owns one block of headers; each header owns a block of text.
//! exit: 0

fn main() {
    let mut names = vec![String::from("Ida"), String::from("Otto")];
    println!("=names {names:?}\n=names.len {}", names.len()); // <two>
    //   names: live, place stack, owns 48 bytes on the heap, owns 3 blocks in all, heap at printed
    //   names = ["Ida", "Otto"]; names.len = 2
    println!("=names.bytes {}\n@names.heap {:p}", names.capacity() * size_of::<String>(), names.as_ptr());
    names.push("Una".to_string());
    println!("=names {names:?}\n=names.capacity {}", names.capacity()); // <three>
    //   names: owns 4 blocks in all; names = ["Ida", "Otto", "Una"]; names.capacity = 4
    let otto = names.remove(1);
    println!("=otto {otto:?}\n=names {names:?}\n=otto.bytes {}", otto.capacity()); // <removed>
    //   otto: live, place stack, owns 4 bytes on the heap; otto = "Otto"
    //   names: owns 3 blocks in all; names = ["Ida", "Una"]
    let last = &names[1];
    println!("=last {last:?}\n@*last {:p}", last); // <borrowed>
    //   last: live, borrows 24 bytes of heap, borrows heap of names, points to printed; last = "Una"
}
