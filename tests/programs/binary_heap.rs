//! A `BinaryHeap` is a priority queue in a `Vec`; it has nothing to do with the heap of memory.
//! exit: 0

use std::cmp::Reverse;
use std::collections::BinaryHeap;

fn main() {
    let mut tasks = BinaryHeap::from(vec![2, 9, 4]);
    println!("=tasks {tasks:?}\n=tasks.len {}\n@tasks {:p}", tasks.len(), &tasks); // <heaped>
    //   tasks: live, place stack, at printed, owns a block; tasks = [9, 2, 4]; tasks.len = 3
    tasks.push(7);
    let urgent = tasks.pop();
    println!("=urgent {urgent:?}\n=tasks {tasks:?}"); // <popped> urgent = Some(9); tasks = [7, 2, 4]
    let mut soonest = BinaryHeap::new();
    soonest.push(Reverse((30, "bread")));
    soonest.push(Reverse((5, "tea")));
    let next = soonest.peek();
    println!("=next {next:?}\n=soonest.len {}", soonest.len()); // <reversed>
    //   next = Some(Reverse((5, "tea"))); soonest.len = 2
}
