//! A `VecDeque` is a ring: its first element need not lie first in its block.
//! exit: 0

use std::collections::VecDeque;

fn main() {
    let mut queue = VecDeque::with_capacity(4);
    queue.extend([1u32, 2, 3, 4]);
    println!("=queue {queue:?}\n=queue.capacity {}\n@queue {:p}", queue.capacity(), &queue); // <full>
    //   queue: live, place stack, at printed, owns 16 bytes on the heap
    //   queue = [1, 2, 3, 4]; queue.capacity = 4
    println!("=queue.bytes {}", 4 * queue.capacity());
    queue.pop_front();
    queue.pop_front();
    queue.push_back(5);
    let (front, back) = queue.as_slices();
    println!("=front {front:?}\n=back {back:?}\n@*front {:p}", front); // <wrapped>
    //   front: borrows 8 bytes of heap, points to printed; front = [3, 4]; back = [5]
    //   back: borrows 4 bytes of heap
    println!("=queue {queue:?}\n=queue.len {}", queue.len()); // <in-order> queue = [3, 4, 5]; queue.len = 3
}
