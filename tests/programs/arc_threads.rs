//! An `Arc` is shared by threads; its count goes up and down as they come and go.
//! exit: 0

use std::sync::Arc;
use std::thread;

fn main() {
    let atlas = Arc::new(vec![10, 20, 30]);
    println!("=atlas {atlas:?}\n=atlas.strong {}\n@atlas {:p}", Arc::strong_count(&atlas), &atlas); // <one>
    //   atlas: live, place stack, at printed, shares a block; atlas = [10, 20, 30]; atlas.strong = 1
    let copy = Arc::clone(&atlas);
    println!("=copy {copy:?}\n=copy.strong {}", Arc::strong_count(&copy)); // <two>
    //   copy: live, shares block with atlas; copy = [10, 20, 30]; copy.strong = 2
    let reader = thread::spawn(move || {
        let total: i32 = copy.iter().sum();
        println!("=total {total}\n@total {:p}", &total); // <in-thread>
        //   total: live, place stack, at printed; total = 60; copy: shares a block
        total
    });
    let total = reader.join().unwrap();
    println!("=total {total}\n=atlas.strong {}", Arc::strong_count(&atlas)); // <joined>
    //   total = 60; atlas.strong = 1
}
