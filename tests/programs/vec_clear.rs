//! `clear` and `truncate` keep the block; `shrink_to_fit` gives it back.
//! exit: 0

fn main() {
    let mut v = vec![1u16; 1000];
    v.truncate(2);
    println!("=v {v:?}\n=v.capacity {}\n=v.bytes {}", v.capacity(), 2 * v.capacity()); // <truncated>
    //   v = [1, 1]; v.capacity = 1000; v: owns 2000 bytes on the heap
    v.clear();
    println!("=v {v:?}\n=v.capacity {}\n@v.heap {:p}", v.capacity(), v.as_ptr()); // <cleared>
    //   v: live, heap at printed; v = []; v.capacity = 1000
    v.shrink_to_fit();
    println!("=v {v:?}\n=v.capacity {}", v.capacity()); // <shrunk>
    //   v: live, owns nothing; v = []; v.capacity = 0
    //   event free 2000 bytes
}
