//! `mem::swap` of two fields moves nothing out of the struct.
//! exit: 0

struct Buffers {
    front: Vec<u8>,
    back: Vec<u8>,
}

fn main() {
    let mut buffers = Buffers { front: vec![1], back: vec![2, 3] };
    println!("{} {}", buffers.front.len(), buffers.back.len()); // <before> buffers: live, owns 2 blocks in all
    std::mem::swap(&mut buffers.front, &mut buffers.back);
    println!("=buffers.front [2, 3]"); // <swapped> buffers: live, not lent; buffers.front = [2, 3]
    println!("{} {}", buffers.front.len(), buffers.back.len());
}
