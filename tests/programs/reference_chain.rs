//! A reference to a reference: two hops over the stack, a third to the heap.
//! exit: 0

fn length(s: &String) -> usize {
    println!("@*s {:p}\n@s.text {:p}", s, s.as_ptr()); // <callee> s: live, borrows main::name, points to printed
    s.len()
}

fn main() {
    let name = String::from("petrel");
    let once = &name;
    let twice = &once;
    println!("@*once {:p}\n@*twice {:p}\n=twice {twice:?}", once, twice); // <chain>
    //   once: live, place stack, borrows name, points to printed; twice: live, borrows once, points to printed
    //   twice = "petrel"
    let total = length(once) + length(twice);
    {
        let brief: &str = &name[..3];
        println!("=brief {brief:?}\n=total {total}"); // <brief> brief = "pet"; brief: borrows 3 bytes of heap; total = 12
    }
    println!("=name {name:?}\n=name.bytes {}", name.capacity()); // <still-there>
    //   name: live, owns 6 bytes on the heap; name = "petrel"; brief: not live
}
