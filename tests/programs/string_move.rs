//! A move copies the three words of a `String`; its text stays where it is.
//! exit: 0

fn main() {
    let s = String::from("hello");
    println!("=s {s:?}\n=s.bytes {}\n=s.size {}", s.capacity(), size_of_val(&s)); // <owned>
    //   s: live, place stack, size 24, owns 5 bytes on the heap
    //   s = "hello"
    println!("@s {:p}\n@s.heap {:p}", &s, s.as_ptr()); // <where>
    //   s: at printed, heap at printed; event output "=s \"hello\""
    let t = s;
    println!("=t {t:?}\n=t.bytes {}", t.capacity()); // <moved>
    //   t: live, place stack, owns 5 bytes on the heap; s: not live
    //   t = "hello"
    println!("@t {:p}\n@t.heap {:p}", &t, t.as_ptr()); // <same-block>
    //   t: at printed, heap at printed
    drop(t);
    println!("gone"); // <dropped> t: not live; event free 5 bytes
}
