//! Pushing past the capacity of a `Vec` asks for a larger block and copies the elements.
//! exit: 0

fn main() {
    let mut v: Vec<u64> = Vec::new();
    println!("=v {v:?}\n=v.capacity {}\n@v {:p}", v.capacity(), &v); // <no-block>
    //   v: live, place stack, at printed, owns nothing; v = []; v.capacity = 0
    v.push(10);
    println!("=v {v:?}\n=v.capacity {}\n=v.bytes {}", v.capacity(), 8 * v.capacity()); // <first>
    //   v = [10]; v.capacity = 4; v: owns 32 bytes on the heap
    //   event alloc 32 bytes
    for n in 2..=5 {
        v.push(n * 10); // <round#3> n = 4
        println!("=n {n}");
    }
    println!("=v {v:?}\n=v.capacity {}\n=v.bytes {}", v.capacity(), 8 * v.capacity()); // <grown>
    //   v = [10, 20, 30, 40, 50]; v.capacity = 8; v: owns 64 bytes on the heap, owns 1 block in all
    println!("@v.heap {:p}\n=v.len {}", v.as_ptr(), v.len()); // <where>
    //   v: heap at printed; v.len = 5
}
